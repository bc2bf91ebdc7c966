"""A TCP proxy between a client and a server, which breaks what passes: between request and reply, and on command."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["Fault", "Proxy"]

_CHUNK = 1 << 16


class Fault(Enum):
    """What happens to a request, or to its reply."""

    CUT_REQUEST = "the connection is cut before the server has seen the request"
    CUT_REPLY = "the server has answered, and the connection is cut before the reply is passed on"
    TRUNCATE_REPLY = "the first byte of the reply is passed on, then the connection is cut"
    HOLD_REPLY = "the reply is held back until `release()`"


@dataclass(eq=False)
class _Link:
    """One client's connection and the proxy's own to the server. `faults` await their replies."""

    client: socket.socket
    server: socket.socket
    faults: list[Fault] = field(default_factory=list)

    def cut(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Listens at `url` and passes everything to 127.0.0.1:`port`, but for the faults that are asked for.

    One that is `shut` refuses connections until `open()`: the server is away, and its address stays taken.

    A request is recognised by a word in it, so that a client's greeting does not use a fault up; it has to arrive in
    one piece and to be answered before the next is sent, as redis-py's do.
    """

    def __init__(self, port: int, *, shut: bool = False) -> None:
        self.injected = 0
        """How many faults have struck: a test that expects one checks that it did."""
        self._target = ("127.0.0.1", port)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._planned: list[tuple[bytes, Fault]] = []
        self._links: list[_Link] = []
        self._threads: list[threading.Thread] = []
        self._released = threading.Event()
        if not shut:
            self.open()

    def open(self) -> None:
        """Let connections in."""
        self._listener.listen()
        self._run(self._accept)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def inject(self, fault: Fault, *, on: bytes = b"XADD", times: int = 1) -> None:
        """Let `fault` befall the next requests, `times` of them, that contain `on`."""
        with self._lock:
            self._released.clear()
            self._planned += [(on, fault)] * times

    def release(self) -> None:
        """Pass on what was held back, late."""
        self._released.set()

    def heal(self) -> None:
        """Let no more faults befall requests, and pass on what was held back."""
        with self._lock:
            self._planned.clear()
        self.release()

    def cut(self) -> None:
        """Cut all connections; new ones are accepted."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.cut()

    def close(self) -> None:
        self._released.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        for thread in self._threads[:1]:
            thread.join()
        self.cut()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- threads: one accepts, two pass on for each connection --

    def _run(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._target)
                except OSError:  # away: the client shall see it as such
                    client.close()
                    continue
                link = _Link(client, server)
                with self._lock:
                    self._links.append(link)
                self._run(self._pass_requests, link)
                self._run(self._pass_replies, link)

    def _pass_requests(self, link: _Link) -> None:
        with _cutting(link):
            while request := link.client.recv(_CHUNK):
                fault = self._due(request)
                if fault is Fault.CUT_REQUEST:
                    return
                if fault is not None:
                    link.faults.append(fault)
                link.server.sendall(request)

    def _pass_replies(self, link: _Link) -> None:
        with _cutting(link):
            while reply := link.server.recv(_CHUNK):
                fault = link.faults.pop(0) if link.faults else None
                if fault is Fault.CUT_REPLY:
                    return
                if fault is Fault.TRUNCATE_REPLY:
                    link.client.sendall(reply[:1])
                    return
                if fault is Fault.HOLD_REPLY:
                    self._released.wait()
                link.client.sendall(reply)

    def _due(self, request: bytes) -> Fault | None:
        with self._lock:
            for at, (word, fault) in enumerate(self._planned):
                if word in request:
                    del self._planned[at]
                    self.injected += 1
                    return fault
        return None


@contextmanager
def _cutting(link: _Link) -> Iterator[None]:
    """Whichever end goes first takes the other along."""
    try:
        with suppress(OSError):
            yield
    finally:
        link.cut()
