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
from producer.identity import Identity, Receipt
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
    """A queue that `open_queue` makes for an identity, and a forwarder that `open_forwarder` makes for the queue.

    Both are opened at once, and again, with another identity, by the first call in a forked child. If the queue
    `outlives` the process, the end of the process does not wait for a server that is away.
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
        """The producer id under which operations are recorded at present; a forked child has another."""
        return (self._running or self._begin())[0].identity.by

    @property
    def trouble(self) -> str | None:
        """Why waiting operations cannot be delivered at present; None if they can."""
        return self._running[1].trouble if self._running is not None else None

    def record(self, kind: str, raw: bytes, at: int) -> Receipt:  # noqa: ARG002 - only a direct error names it
        """Let the operation `raw`, recorded `at` (epoch ms), wait. Its receipt has no entry's id.

        Raises SpoolFull, SpoolUnusable or BufferFull as its queue does, and for a buffer UnusableServer.
        """
        queue, forwarder = self._running or self._begin()
        if not self._outlives and forwarder.unusable is not None:
            raise UnusableServer(str(forwarder.unusable))  # else the operation would end with us
        seq = queue.append(raw, at)
        forwarder.wake()
        return Receipt(queue.identity.by, seq, None)

    def resend(self, error: Unacknowledged) -> Receipt:
        """Send the operation of another producer's `error` at once."""
        return self._direct.resend(error)

    def flush(self, timeout: float, *, leftovers: bool, attempts: float) -> bool:
        """Whether all waiting operations have arrived; see `Forwarder.flush`."""
        return self._running is None or self._running[1].flush(timeout, leftovers=leftovers, attempts=attempts)

    def close(self, timeout: float) -> None:
        """Forward waiting operations, within `timeout` seconds, and take no more."""
        if self._closed:
            return
        self._closed = True
        _open.discard(self)
        if self._running is None:
            return
        queue, forwarder = self._running
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
        self._running = None

    def _begin(self) -> tuple[Queue, Forwarder]:
        with self._beginning:
            if self._running is None:
                queue = self._open_queue(Identity())
                if self._closed:
                    queue.close()  # so that it refuses the operation
                forwarder = self._open_forwarder(queue)
                self._running = queue, forwarder
                forwarder.start()
                _open.add(self)
                expect_process_end()
            return self._running


_open: set[Deferred] = set()
"""Also those that nobody else refers to any more, because their waiting operations are to be sent."""


def _close_all() -> None:
    for deferred in list(_open):
        deferred.close(EXIT_SECONDS)


at_process_end(_close_all, last=True)
os.register_at_fork(after_in_child=_open.clear)
