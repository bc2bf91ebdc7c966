"""The archiver's process, seen from the projectors of one process: started, listened to, and ended with them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from msgspec import DecodeError
from msgspec.json import decode, encode
from msgspec.structs import replace

from producer.connection.pause import Pause
from projector.archiving.orders import News, Order, Stop

_ORDERLY_SECONDS = 10.0
"""For so long the end of a projector waits until the rest is archived."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


@dataclass(slots=True, eq=False)
class _Customer:
    """Who gave an `order`, and `hear`s of it; `served` while it waits for the end."""

    order: Order
    hear: Callable[[News], None]
    served: threading.Event | None = None


class ArchiverProcess:
    """One process that archives for projectors of this process, as long as there is one of them.

    It dies with this process, however that ends. If it dies alone, it is started again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._customers: dict[int, _Customer] = {}  # by the numbers of their orders
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, order: Order, hear: Callable[[News], None]) -> int:
        """Have it archive by `order` until `end` gets the number that this returns; `hear` gets its news."""
        with self._lock:
            self._number += 1
            order = replace(order, number=self._number)
            self._customers[order.number] = _Customer(order, hear)
            if self._thread is not None:
                self._send(order)
            else:
                self._ending = threading.Event()
                self._thread = threading.Thread(
                    target=self._supervise, args=(self._ending,), name="archiver", daemon=True
                )
                self._thread.start()
            return order.number

    def end(self, number: int, *, rest: bool) -> None:
        """End an order; with `rest` when all that is projected is archived, unless that takes long."""
        with self._lock:
            customer, served = self._customers[number], threading.Event()
            customer.served = served
            waits = self._send(Stop(namespace=customer.order.namespace, rest=rest)) and rest
        if waits and not served.wait(_ORDERLY_SECONDS):
            with self._lock:
                self._send(Stop(namespace=customer.order.namespace, rest=False))
        with self._lock:
            del self._customers[number]
            if self._customers:
                return
            self._ending.set()
            process, thread, self._process, self._thread = self._process, self._thread, None, None
        if process is not None and process.stdin is not None:
            with suppress(OSError, ValueError):  # it has ended; ValueError: and its pipes are closed
                process.stdin.close()  # which ends it at once
        if thread is not None:
            thread.join(1)
            if process is not None:
                process.kill()
            thread.join(1)

    def _send(self, line: Order | Stop) -> bool:
        """Whether `line` was sent; a process that is started later is sent all orders."""
        if self._process is None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(encode(line) + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # it has ended
            return False
        return True

    def _supervise(self, ending: threading.Event) -> None:
        # The process inherits this: a terminal and systemd signal it, too, and it has to end behind the projector.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=ending.wait)
        while not ending.is_set():
            with self._lock:
                if ending.is_set():
                    return
                try:
                    command = [sys.executable, "-m", "projector.archiving"]
                    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                except OSError as error:  # no memory, no process more
                    trouble = f"its process cannot be started: {error.strerror}"
                else:
                    trouble = ""
                    self._process = process
                    for customer in self._customers.values():
                        self._send(customer.order)
            if not trouble:
                with suppress(BrokenPipeError), process:
                    trouble = self._listen(process)
                trouble = trouble or f"its process ended with status {process.returncode}"
            with self._lock:
                if ending.is_set():
                    return
                self._process = None
                customers = [*self._customers.values()]
            for customer in customers:
                customer.hear(News(trouble=trouble))
                if customer.served is not None:
                    customer.served.set()
            pause.wait()

    def _listen(self, process: subprocess.Popen[bytes]) -> str:
        """Hear the process until it ends; why it was ended, if it said what nobody understands."""
        assert process.stdout
        for line in process.stdout:
            try:
                news = decode(line, type=News)
            except DecodeError:
                process.kill()
                return f"its process said: {line[:100]!r}"
            customer = self._customers.get(news.number)
            if customer is not None:
                customer.hear(news)
                if news.ended and customer.served is not None:
                    customer.served.set()
        return ""
