"""The one loop that forwards what waits: in order, in batches, each until it is acknowledged."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from producer.connection import Client, RedisError, reason_of, where
from producer.durability import Durability
from producer.errors import SpoolDamaged, SpoolUnusable, UnusableServer
from producer.pipeline import Pipeline
from producer.queue import Numbered, Queue, Vetted
from producer.wal import append_command, wal_key

if TYPE_CHECKING:
    from producer.spool.leftovers import Leftovers

__all__ = ["Forwarder"]

BATCH_OPERATIONS = 2000
SAFE_BATCH_OPERATIONS = 10_000
"""Where each batch waits for a disk or a replica."""
BATCH_BYTES = 4 << 20
_LINGER_SECONDS = 0.005
_LINGER_OPERATIONS = 500
"""A batch waits for that many, but no longer: to send each by itself would cost the engine a tenth of a processor."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0

_log = logging.getLogger("producer")


class Forwarder:
    """A thread that sends what waits in `own` and, when nothing does, what dead producers left.

    What arrived is removed; what may have arrived is sent again under its number, and so counts once. After trouble
    operations go one by one until one arrives: where a refusal passes, later ones shall not overtake it.
    """

    def __init__(
        self,
        client: Client,
        own: Queue | None,
        *,
        leftovers: Leftovers | None,
        durability: Durability,
        timeout: float,
        vetted: Vetted = lambda batch: batch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trouble: str | None = None
        """Why nothing can be delivered at present."""
        self.delivered = 0
        """How many operations have been."""
        self._client = client
        self._own = own
        self._leftovers = leftovers
        self._durability = durability
        self._level = durability.commands
        self._unproven = durability.needs_proof
        self._timeout = timeout
        self._vetted = vetted
        self._monotonic = monotonic
        self._key = b""
        self._pipeline = Pipeline(client, b"")
        self._most = SAFE_BATCH_OPERATIONS if self._level else BATCH_OPERATIONS
        self._count = self._most
        self._pause = _FIRST_PAUSE
        self._failures = 0
        self._flushing = 0  # how many wait for a flush
        self._hurried = False
        self._sleeping = False
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="producer-forwarder", daemon=True)

    # -- from other threads --

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something was put in."""
        if self._sleeping:
            with self._changed:
                self._changed.notify_all()

    def flush(self, timeout: float, *, attempts: float = math.inf, leftovers: bool = True) -> bool:
        """Whether all that waits has arrived within `timeout` seconds, and before so many attempts have failed.

        That is what has been put in so far, and, unless they are not asked for, the `leftovers` of dead producers.
        """
        own = self._own
        others = self._leftovers if leftovers else None
        last = 0 if own is None else own.last

        def arrived() -> bool:
            is_own_done = own is None or own.removed >= last or not own.waiting
            return is_own_done and (others is None or others.exhausted)

        with self._changed:
            if others is not None:
                others.look_again()
            self._flushing += 1
            self._hurried = True
            self._changed.notify_all()
            enough = self._failures + attempts
            try:
                self._changed.wait_for(lambda: arrived() or self._failures >= enough, timeout)
            finally:
                self._flushing -= 1
            return arrived()

    def stop(self, *, timeout: float) -> None:
        """Send no more. What is under way is waited for that long."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(timeout)

    # -- the thread --

    def _run(self) -> None:
        try:
            while not self._stopped:
                if not self._try_round():
                    self._wait_for_better_times()
        finally:
            self._pipeline.close()
            if self._leftovers is not None:
                self._leftovers.close()

    def _try_round(self) -> bool:
        """Whether a round went well; else it has been told why not."""
        try:
            return self._round()
        except (RedisError, UnusableServer, SpoolUnusable) as error:
            self._fail(error)
            if self._leftovers is not None:
                self._leftovers.give_back()
        except Exception as error:  # noqa: BLE001 - the thread must not end: nobody would notice
            _log.exception("an operation could not be forwarded")
            self._fail(error)
        return False

    def _round(self) -> bool:
        if self._own is not None and self._own.waiting:
            self._linger(self._own)
            is_delivered = self._forward(self._own)
        elif self._leftovers is not None and (leftover := self._next_of(self._leftovers)) is not None:
            is_delivered = self._forward_leftover(self._leftovers, leftover)
        else:
            self._sleep()
            return True
        self._tend()
        if is_delivered:
            self._succeed()
        return is_delivered

    def _next_of(self, leftovers: Leftovers) -> Queue | None:
        if self.trouble is not None:  # first see whether it is over: what we hold, nobody else can deliver
            self._pipeline.open()
            self._succeed()
        return leftovers.current()

    def _forward_leftover(self, leftovers: Leftovers, queue: Queue) -> bool:
        try:
            self._forward(queue)
        except SpoolDamaged:
            leftovers.rescue()
        else:
            if not queue.waiting:
                leftovers.finish()
        return True

    def _forward(self, queue: Queue) -> bool:
        """Send a batch; False if there is none, since it is on its way in."""
        batch = queue.batch(self._count, BATCH_BYTES)
        if batch:
            self._send(queue, batch)
        return bool(batch)

    def _tend(self) -> None:
        if self._own is not None:
            try:
                self._own.tend()
            except SpoolUnusable as error:
                _log.warning("%s", error)

    def _send(self, queue: Queue, batch: Sequence[Numbered]) -> None:
        """Raises RedisError unless all of `batch` has arrived; what has, by then, is removed."""
        identity = queue.identity
        arrived = 0
        try:
            self._connect(queue.namespace)
            key, by, acked = self._key, identity.by, identity.claim(self._monotonic())
            # What dead producers left stands as it is: their runs have died with them.
            sendable = self._vetted(batch) if queue is self._own else batch
            entries = (append_command(key, op, by, seq, acked) for seq, op in sendable)
            self._pipeline.send(chain(entries, self._level))
            for _ in self._pipeline.replies(len(batch), seconds=self._timeout):
                arrived += 1
            self._confirm()
        except BaseException:
            if self._level:
                arrived = 0  # it is in the log, but may not leave
            if arrived:
                self._remove(queue, batch[:arrived])
            identity.disturbed(self._monotonic())
            raise
        self._remove(queue, batch)

    def _remove(self, queue: Queue, sent: Sequence[Numbered]) -> None:
        now = self._monotonic()
        first, last = sent[0][0], sent[-1][0]
        if last - first == len(sent) - 1:  # else numbers were dropped between them, which must not be claimed
            queue.identity.acknowledge_all(first, last, now)
        self.delivered += len(sent)
        queue.remove(sent, queue.identity.claim(now))

    def _connect(self, namespace: str) -> None:
        key = wal_key(namespace).encode()
        if key != self._key:  # on a cluster another log may be at another node
            self._pipeline.close()
            self._key, self._pipeline = key, Pipeline(self._client, key)
        if self._unproven:
            self._durability.prove(self._pipeline, where(self._client), seconds=self._timeout)
            self._unproven = False

    def _confirm(self) -> None:
        """Wait until what was sent is as safe as it has to be, on the connection that sent it: no other can tell."""
        while self._level:
            replies = self._pipeline.replies(len(self._level), seconds=self._timeout + self._durability.timeout)
            shortfall = self._durability.shortfall(list(replies))
            if shortfall is None:
                return
            if self._stopped:
                raise RedisError(shortfall)
            self._fail(RedisError(shortfall))
            self._pipeline.send(self._level)

    # -- how it goes --

    def _fail(self, error: Exception) -> None:
        is_own = isinstance(error, SpoolUnusable | UnusableServer)
        trouble = str(error) if is_own else reason_of(error, self._client)
        if trouble != self.trouble and not self._stopped:
            _log.warning("operations wait: %s", trouble)
        self.trouble = trouble
        with self._changed:
            self._failures += 1
            self._changed.notify_all()

    def _succeed(self) -> None:
        if self.trouble is not None:
            _log.warning("operations are forwarded again")
            self.trouble = None
        self._pause, self._count = _FIRST_PAUSE, self._most
        with self._changed:
            self._changed.notify_all()

    def _wait_for_better_times(self) -> None:
        self._count = 1
        self._tend()
        with self._changed:
            if self._hurried:
                self._hurried, self._pause = False, _FIRST_PAUSE
            self._changed.wait_for(lambda: self._stopped or self._hurried, self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _linger(self, own: Queue) -> None:
        if own.waiting < _LINGER_OPERATIONS and not self._flushing:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._flushing, _LINGER_SECONDS)

    def _sleep(self) -> None:
        """Until something is put in, or it is time to look for what others left."""
        with self._changed:
            self._sleeping = True
            self._changed.notify_all()  # whoever waits for the leftovers: there are no more
            if not (self._stopped or (self._own is not None and self._own.waiting)):
                self._changed.wait(None if self._leftovers is None else self._leftovers.seconds_to_look())
            self._sleeping = False
