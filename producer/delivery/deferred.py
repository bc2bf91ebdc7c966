"""The deferred way: a call appends its operation to a queue and returns, and a thread forwards it."""

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
from producer.identity import Receipt
from producer.process_end import at_process_end, expect_process_end
from producer.queue.queue import Queue

EXIT_SECONDS = 5.0
"""How long the end of the process may take to send waiting operations."""
_FINISH_SECONDS = 1.0
"""How long the thread may take to notice that it is to end."""
_ATTEMPTS = 3
"""How many of them fail until the server counts as away."""

_log = logging.getLogger("producer")


class Deferred:
    """A queue of a new identity, and a forwarder, which `begin` makes.

    Both are made at once, and again by the first call in a forked child. If the queue `outlives` the process, the end
    of the process does not wait for a server that is away.
    """

    def __init__(self, begin: Callable[[], tuple[Queue, Forwarder]], direct: Direct, *, outlives: bool) -> None:
        self._begin = begin
        self._direct = direct
        self._outlives = outlives
        self._closed = False
        self._beginning = threading.Lock()
        self._begun: tuple[Queue, Forwarder] | None = None
        self._running()

    @property
    def by(self) -> str:
        """The producer id under which operations are recorded at present; a forked child has another."""
        return self._running()[0].identity.by

    @property
    def trouble(self) -> str | None:
        """Why waiting operations cannot be delivered at present; None if they can."""
        return None if self._begun is None else self._begun[1].trouble

    def record(self, kind: str, raw: bytes, at: int) -> Receipt:  # noqa: ARG002 - only a direct error names it
        """Let the operation `raw`, recorded `at` (epoch ms), wait. Its receipt has no entry's id.

        Raises SpoolFull, SpoolUnusable or BufferFull as its queue does, and for a buffer UnusableServer.
        """
        queue, forwarder = self._running()
        if not self._outlives and forwarder.unusable is not None:
            raise UnusableServer(str(forwarder.unusable))  # else the operation would end with us
        try:
            seq = queue.append(raw, at)
        finally:
            forwarder.wake()  # also if the queue is damaged: the forwarder begins a new file
        return Receipt(queue.identity.by, seq, None)

    def resend(self, error: Unacknowledged) -> Receipt:
        """Send the operation of another producer's `error` at once."""
        return self._direct.resend(error)

    def flush(self, timeout: float, *, leftovers: bool, attempts: float) -> bool:
        """Whether all waiting operations have arrived; see `Forwarder.flush`."""
        return self._begun is None or self._begun[1].flush(timeout, leftovers=leftovers, attempts=attempts)

    def close(self, timeout: float) -> None:
        """Forward waiting operations, within `timeout` seconds, and take no more."""
        if self._closed:
            return
        self._closed = True
        _open.discard(self)
        if self._begun is None:
            return
        queue, forwarder = self._begun
        with suppress(UnusableServer):  # the warning names it
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
        """In a forked child: leave the queue to the parent, whose thread is not here."""
        self._direct.begin_process()
        self._beginning = threading.Lock()
        self._begun = None

    def _running(self) -> tuple[Queue, Forwarder]:
        if self._begun is not None:
            return self._begun
        with self._beginning:
            if self._begun is None:
                queue, forwarder = self._begin()
                if self._closed:
                    queue.close()  # so that it refuses the operation
                self._begun = queue, forwarder
                forwarder.start()
                _open.add(self)
                expect_process_end()
            return self._begun


_open: set[Deferred] = set()
"""Also those that nobody else refers to any more, because their waiting operations are to be sent."""


def _close_all() -> None:
    for deferred in list(_open):
        deferred.close(EXIT_SECONDS)


at_process_end(_close_all, last=True)
os.register_at_fork(after_in_child=_open.clear)
