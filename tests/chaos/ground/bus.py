"""The bus of a cluster: what its nodes tell each other, passed on but to and from a node that is cut off."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Sequence

__all__ = ["Bus", "source_of"]

_CHUNK = 1 << 16


def source_of(node: int) -> str:
    """The address from which the node of this number connects to others: by it the bus knows who calls."""
    return f"127.0.1.{node + 1}"


class Bus:
    """For each node a port at which the others reach it; `targets` are the ports at which the nodes listen.

    One thread passes everything on: six nodes say little, over thirty connections.
    """

    def __init__(self, targets: Sequence[int]) -> None:
        self._targets = targets
        self._cut_off: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._listeners = [socket.create_server(("127.0.0.1", 0)) for _ in targets]
        self.ports: list[int] = [listener.getsockname()[1] for listener in self._listeners]
        for node, listener in enumerate(self._listeners):
            self._selector.register(listener, selectors.EVENT_READ, node)
        self._others: dict[socket.socket, socket.socket] = {}
        self._between: dict[socket.socket, tuple[int, int]] = {}
        self._bell, self._ear = socket.socketpair()
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._rung = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def cut_off(self, node: int) -> None:
        """Pass on nothing more to or from `node`."""
        self._cut_off.add(node)
        self._ring()

    def rejoin(self, node: int) -> None:
        self._cut_off.discard(node)

    def close(self) -> None:
        self._closing = True
        self._ring()
        self._thread.join()
        for listener in (*self._listeners, self._bell, self._ear):
            listener.close()
        self._selector.close()

    def _ring(self) -> None:
        """Have the thread look at what has changed; returns once it has."""
        self._rung.clear()
        self._bell.send(b"!")
        self._rung.wait(30)

    def _pass_on(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                if key.fileobj is self._ear:
                    self._ear.recv(_CHUNK)
                    self._cut_links()
                    self._rung.set()
                elif key.data is not None:
                    self._accept(self._listeners[key.data], key.data)
                elif isinstance(key.fileobj, socket.socket):
                    self._pass_on_from(key.fileobj)

    def _cut_links(self) -> None:
        for end, nodes in [*self._between.items()]:
            if self._closing or self._cut_off.intersection(nodes):
                self._close(end)

    def _accept(self, listener: socket.socket, target: int) -> None:
        caller, (host, _) = listener.accept()
        nodes = int(host.rpartition(".")[2]) - 1, target
        try:
            if self._cut_off.intersection(nodes):
                raise OSError("cut off")
            callee = socket.create_connection(("127.0.0.1", self._targets[target]))
        except OSError:
            caller.close()
            return
        for end, other in ((caller, callee), (callee, caller)):
            self._others[end], self._between[end] = other, nodes
            self._selector.register(end, selectors.EVENT_READ)

    def _pass_on_from(self, end: socket.socket) -> None:
        if end not in self._others:  # closed by what came before it
            return
        try:
            heard = end.recv(_CHUNK)
            if heard:
                self._others[end].sendall(heard)
                return
        except OSError:
            pass
        self._close(end)

    def _close(self, end: socket.socket) -> None:
        """And its other end."""
        if end in self._others:
            for each in (end, self._others[end]):
                del self._others[each], self._between[each]
                self._selector.unregister(each)
                each.close()
