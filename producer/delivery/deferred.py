"""The deferred way: a call appends its operation to a queue and returns, and a thread forwards it.

`delivery_of` chooses between this way and the direct one.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from producer.connection.client import Client
from producer.delivery.direct import Direct
from producer.delivery.standing import Standing
from producer.durability import Durability
from producer.errors import Unacknowledged, UnusableServer
from producer.identity import Identity, Receipt
from producer.process_end import at_process_end, expect_process_end
from producer.text.wording import counted

if TYPE_CHECKING:
    from producer.delivery.forwarder import Forwarder
    from producer.queue.queue import Queue, Vetted
    from producer.spool.options import Spool

_BUFFER_SECONDS = 5.0
"""How long a call waits for room in a full buffer, unless the caller says."""
EXIT_SECONDS = 5.0
"""How long the end of the process may take to send all waiting operations."""
_LEAST_EXIT_SECONDS = 0.1
"""How long it may take for each queue when that time is over: its server may be another, which answers."""
_FINISH_SECONDS = 1.0
"""How long the thread may take to notice that it is to end."""
_ATTEMPTS = 3
"""How many attempts to send fail until the server counts as away."""

_log = logging.getLogger("producer")


def delivery_of(
    client: Client,
    namespace: str,
    *,
    spool: Spool | None,
    buffer: int | None,
    buffer_timeout: float | None,
    durability: Durability,
    timeout: float,
    vetted: Vetted,
    monotonic: Callable[[], float],
    agree: Callable[[float], None] | None = None,
    adopts: bool = True,
) -> Direct | Deferred:
    """Open the way that the options ask for. The modules of the other ways are not even imported.

    `agree(seconds)` precedes what is sent. `adopts`: whether a spool delivers what dead producers have left.

    Raises ValueError for options that do not go together, SpoolUnusable for the spool's directory.
    """
    if spool is not None and buffer is not None:
        raise ValueError("found both a spool and a buffer: an operation can wait in one of them")
    if buffer is None and buffer_timeout is not None:
        raise ValueError(f"found buffer_timeout={buffer_timeout!r} without a buffer: pass buffer=… too, or neither")
    direct = Direct(client, namespace, timeout=timeout, durability=durability, monotonic=monotonic, agree=agree)
    if spool is None and buffer is None:
        return direct

    from producer.delivery.forwarder import Forwarder

    forwarder = partial(
        Forwarder,
        client,
        durability=durability,
        timeout=timeout,
        vetted=vetted,
        monotonic=monotonic,
        agree=agree,
    )
    if spool is not None:
        from producer.connection.destination import Destination
        from producer.spool.directory import SpoolDirectory
        from producer.spool.leftovers import Leftovers

        spool = replace(spool, destination=spool.destination or Destination.of(client))
        directory = SpoolDirectory(spool, level=durability)

        def begin() -> tuple[Queue, Forwarder]:
            own = directory.create(Identity(), namespace)
            return own, forwarder(own, leftovers=Leftovers(directory, idle=not adopts, monotonic=monotonic))

    elif buffer is not None:
        from producer.queue.buffer import Buffer

        patience = _BUFFER_SECONDS if buffer_timeout is None else buffer_timeout

        def begin() -> tuple[Queue, Forwarder]:
            own = Buffer(Identity(), namespace, limit=buffer, patience=patience)
            return own, forwarder(own, leftovers=None)

    return Deferred(begin, direct, outlives=spool is not None)


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

    @property
    def standing(self) -> Standing:
        """What has become of the operations."""
        called = self._direct.standing
        if self._begun is None:
            return called
        backlog = self._begun[0].backlog
        return Standing(
            recorded=called.recorded,
            refused=called.refused + backlog.dropped,
            waiting=backlog.operations,
            spool_bytes=backlog.disk_bytes,
            oldest_at=backlog.oldest_at,
        )

    def record(self, kind: str, raw: bytes, at: int) -> Receipt:  # noqa: ARG002 - only a direct error names it
        """Let the operation `raw`, recorded `at` (epoch ms), wait. Its receipt has no entry's id.

        Raises SpoolFull, SpoolUnusable or BufferFull as its queue does, and for a buffer UnusableServer.
        """
        try:
            queue, forwarder = self._running()
            if not self._outlives and forwarder.unusable is not None:
                raise UnusableServer(str(forwarder.unusable))  # else the operation would end with us
            try:
                seq = queue.append(raw, at)
            finally:
                forwarder.wake()  # also if the queue is damaged: the forwarder begins a new file
        except BaseException:
            self._direct.refused.add()
            raise
        self._direct.recorded.add()
        return tuple.__new__(Receipt, (queue.identity.by, seq, None))  # in half the time of Receipt(…)

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
            of = f"of {queue.identity.by}"
            one, many = ("stays in the spool", "stay in the spool") if self._outlives else ("is lost", "are lost")
            told = counted(waiting, f"operation {of} {one}", f"operations {of} {many}")
            _log.warning("%s: %s", told, forwarder.trouble or "there was no time to send them")
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
"""They are kept though nobody else may refer to them, because their waiting operations are still to be sent."""


def _close_all() -> None:
    deadline = time.monotonic() + EXIT_SECONDS
    for deferred in list(_open):
        deferred.close(max(deadline - time.monotonic(), _LEAST_EXIT_SECONDS))


at_process_end(_close_all)
os.register_at_fork(after_in_child=_open.clear)
