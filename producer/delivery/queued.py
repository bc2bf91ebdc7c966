"""The way by a queue: a call puts its operation in and returns, a thread forwards it."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from producer.delivery.direct import Direct
from producer.delivery.forwarder import Forwarder
from producer.errors import Unacknowledged, UnusableServer
from producer.identity import Identity
from producer.process_end import at_process_end, expect_process_end
from producer.queue.queue import Queue
from producer.receipt import Receipt

__all__ = ["Queued"]

EXIT_SECONDS = 5.0
"""For what waits when the process ends."""
_FINISH_SECONDS = 1.0
"""For the thread to notice that it is to end."""

_log = logging.getLogger("producer")


class Queued:
    """Operations wait in a queue that `open_queue` makes, and leave it by a forwarder that `open_forwarder` makes.

    Both are begun at once, and again, with a new identity, by the first call in a forked child. Where what waits
    `outlives` us, a server that is away is not waited for at the end.
    """

    def __init__(
        self,
        open_queue: Callable[[Identity], Queue],
        open_forwarder: Callable[[Queue], Forwarder],
        direct: Direct,
        *,
        outlives: bool,
    ) -> None:
        self._open_queue = open_queue
        self._open_forwarder = open_forwarder
        self._direct = direct
        self._outlives = outlives
        self._closed = False
        self._beginning = threading.Lock()
        self._running: tuple[Queue, Forwarder] | None = None
        self._begin()

    @property
    def by(self) -> str:
        return (self._running or self._begin())[0].identity.by

    @property
    def trouble(self) -> str | None:
        """Why nothing can be delivered at present, if so."""
        return self._running[1].trouble if self._running is not None else None

    def record(self, kind: str, raw: bytes, at: int) -> Receipt:  # noqa: ARG002 - only an error would name it
        """Put it in; it has no entry yet."""
        queue, forwarder = self._running or self._begin()
        if not self._outlives and forwarder.unusable is not None:
            raise UnusableServer(str(forwarder.unusable))  # what waits would never arrive, and end with us
        seq = queue.append(raw, at)
        forwarder.wake()
        return Receipt(queue.identity.by, seq, None)

    def resend(self, error: Unacknowledged) -> Receipt:
        """Repeat the operation of another producer's error, at once."""
        return self._direct.resend(error)

    def flush(self, timeout: float, *, leftovers: bool, attempts: float) -> bool:
        """Whether all that waits has arrived; given up after `timeout` seconds, or so many attempts that failed.

        Raises UnusableServer when the server cannot make it as safe as was asked.
        """
        if self._running is None:
            return True
        return self._running[1].flush(timeout, leftovers=leftovers, attempts=attempts)

    def close(self, timeout: float) -> None:
        """Forward what waits, within `timeout` seconds, and take no more in."""
        if self._closed:
            return
        self._closed = True
        _open.discard(self)
        if self._running is None:
            return
        queue, forwarder = self._running
        with suppress(UnusableServer):  # said below
            forwarder.flush(timeout, attempts=_ATTEMPTS if self._outlives else math.inf)
        if waiting := queue.waiting:
            what, stay, are = ("operation", "stays", "is") if waiting == 1 else ("operations", "stay", "are")
            _log.warning(
                "%d %s of %s %s: %s",
                waiting,
                what,
                queue.identity.by,
                f"{stay} in the spool" if self._outlives else f"{are} lost",
                forwarder.trouble or "there was no time to send them",
            )
        forwarder.stop(timeout=min(timeout, _FINISH_SECONDS))
        queue.close()

    def begin_process(self) -> None:
        """In a forked child: the queue is the parent's, and the thread is not here."""
        self._direct.begin_process()
        self._beginning = threading.Lock()
        self._running = None

    def _begin(self) -> tuple[Queue, Forwarder]:
        with self._beginning:
            if self._running is None:
                queue = self._open_queue(Identity())
                if self._closed:
                    queue.close()  # it says so to whoever puts something in
                forwarder = self._open_forwarder(queue)
                self._running = queue, forwarder
                forwarder.start()
                _open.add(self)
                expect_process_end()
            return self._running


_ATTEMPTS = 3
"""That fail, until the server is taken to be away."""

_open: set[Queued] = set()
"""Also those that nobody else knows any more: what waits in them is to be sent."""


def _close_all() -> None:
    for queued in list(_open):
        queued.close(EXIT_SECONDS)


at_process_end(_close_all, last=True)
os.register_at_fork(after_in_child=_open.clear)
