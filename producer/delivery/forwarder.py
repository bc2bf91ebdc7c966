"""The thread that forwards waiting operations: in order, in batches, each until it is acknowledged."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from producer.connection.client import Client, is_locked_out, is_refusal, reason_of
from producer.connection.pause import Pause
from producer.delivery.sender import Sender
from producer.durability import Durability
from producer.errors import SpoolDamaged, SpoolUnusable, UnusableServer
from producer.queue.queue import Numbered, Queue, Vetted
from producer.wal import wal_key

if TYPE_CHECKING:
    from producer.spool.leftovers import Leftovers

BATCH_OPERATIONS = 2000
SAFE_BATCH_OPERATIONS = 10_000
"""For batches that wait for a disk or a replica."""
BATCH_BYTES = 4 << 20
_LINGER_SECONDS = 0.005
_LINGER_OPERATIONS = 500
"""A batch waits for so many operations, or so long: sending each alone would cost the engine a tenth of a core."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0

_log = logging.getLogger("producer")


def _as_it_is(batch: Sequence[Numbered]) -> Sequence[Numbered]:
    return batch


class _NotSafe(Exception):
    """A leftover is in the log, but not as safe as it must be, and our own operations shall not wait for that."""


class Forwarder:
    """Sends the operations in `own` and, while there are none, the `leftovers` of dead producers.

    The forwarder removes operations that have arrived. It sends operations that may have arrived again under their
    numbers, so that they count once. After trouble it sends one by one until one arrives: if the server's refusal
    passes in the middle of a batch, later operations must not overtake the refused one.

    An operation leaves once it is as safe as both `durability` and its queue ask. Leftovers that the server refuses,
    or cannot make so safe, are put off, so that they hold up neither our own operations nor other leftovers.
    """

    def __init__(
        self,
        client: Client,
        own: Queue,
        *,
        leftovers: Leftovers | None,
        durability: Durability,
        timeout: float,
        vetted: Vetted = _as_it_is,
        monotonic: Callable[[], float] = time.monotonic,
        agree: Callable[[float], None] | None = None,
    ) -> None:
        self.trouble: str | None = None
        """Why no operation can be delivered at present."""
        self.unusable: UnusableServer | None = None
        """The trouble, if it is that the server, as it is, cannot do what was asked."""
        self._client = client
        self._own = own
        self._leftovers = leftovers
        self._durability = durability
        self._sender = Sender(client, timeout=timeout, unsafe=self._wait_or_leave, monotonic=monotonic, agree=agree)
        self._one_by_one = False
        self._tending: SpoolUnusable | None = None  # why `own` could not be tended the last time
        self._vetted = vetted
        self._pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=self._sleep_unless_hurried)
        self._failures = 0
        self._flushing = 0  # how many threads wait in `flush`
        self._hurried = False
        self._sleeping = False
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="producer-forwarder", daemon=True)

    # -- from other threads --

    @property
    def delivered(self) -> int:
        """How many operations have arrived."""
        return self._sender.delivered

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """An operation was appended to `own`."""
        if self._sleeping:
            with self._changed:
                self._changed.notify_all()

    def flush(self, timeout: float, *, attempts: float = math.inf, leftovers: bool = True) -> bool:
        """Whether all waiting operations have arrived within `timeout` seconds, and before `attempts` have failed.

        Those are the operations appended so far, and with `leftovers` those of dead producers. Raises UnusableServer
        once it turns out that the server cannot make them as safe as was asked.
        """
        own, last = self._own, self._own.last
        others = self._leftovers if leftovers else None

        def is_settled() -> bool:
            is_own_done = own.removed >= last or not own.waiting
            return is_own_done and not self._leftovers_go_first and (others is None or others.exhausted)

        def arrived() -> bool:
            return is_settled() and (others is None or others.trouble is None)

        def is_over() -> bool:
            failures = self._failures - begun
            if arrived() or failures >= attempts or (failures and self.unusable is not None):
                return True
            return attempts < math.inf and is_settled()  # leftovers that were put off have had their attempt

        with self._changed:
            if others is not None:
                others.look_again()
            begun = self._failures
            self._flushing += 1
            self._hurried = True
            self._changed.notify_all()
            try:
                self._changed.wait_for(is_over, min(timeout, threading.TIMEOUT_MAX))
            finally:
                self._flushing -= 1
            if not arrived() and self.unusable is not None:
                raise UnusableServer(str(self.unusable))
            return arrived()

    def stop(self, *, timeout: float) -> None:
        """Send no more batches, and wait up to `timeout` seconds for the one under way."""
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
            self._sender.close()
            if self._leftovers is not None:
                self._leftovers.close()

    def _try_round(self) -> bool:
        """Whether a round went well; if not, `trouble` says why."""
        try:
            return self._round()
        except (RedisError, UnusableServer, SpoolUnusable) as error:
            self._fail(error)
            if self._leftovers is not None:
                self._leftovers.give_back()
        except Exception as error:  # noqa: BLE001 - nobody would notice if the thread ended
            _log.exception("an operation could not be forwarded")
            self._fail(error)
        return False

    def _round(self) -> bool:
        if self._own.waiting and not self._leftovers_go_first:
            self._linger()
            if not self._forward_own():
                return False
        elif self._leftovers is not None and (leftover := self._next_of(self._leftovers)) is not None:
            self._forward_leftover(self._leftovers, leftover)
        else:
            self._tend()
            self._sleep()
            return True
        self._tend()
        self._succeed()
        return True

    @property
    def _leftovers_go_first(self) -> bool:
        return self._leftovers is not None and self._leftovers.go_first

    def _next_of(self, leftovers: Leftovers) -> Queue | None:
        if self.trouble is not None:  # first see whether it is over: nobody else can send what we hold
            self._sender.open()
            self._succeed()
        return leftovers.current()

    def _forward_own(self) -> bool:
        try:
            return self._forward(self._own)
        except SpoolDamaged:
            self._own.tend()
            return True

    def _forward_leftover(self, leftovers: Leftovers, queue: Queue) -> None:
        try:
            try:
                self._forward(queue, one_by_one=leftovers.is_suspect)
            except SpoolDamaged:
                leftovers.rescue()
            else:
                if not queue.waiting:
                    leftovers.finish()
        except (_NotSafe, SpoolUnusable, UnusableServer) as error:
            leftovers.put_off(str(error))
        except RedisError as error:
            if not is_refusal(error) or is_locked_out(error) or leftovers.go_first:
                raise
            where = f"key {wal_key(queue.namespace)} of namespace {queue.namespace}"
            leftovers.put_off(f"{reason_of(error, self._client)} ({where})")

    def _forward(self, queue: Queue, *, one_by_one: bool = False) -> bool:
        """Send a batch; False if there is none, because its first operation is being appended."""
        durability = self._durability.raised_to(queue.level)
        most = SAFE_BATCH_OPERATIONS if durability.commands else BATCH_OPERATIONS
        batch = queue.batch(1 if self._one_by_one or one_by_one else most, BATCH_BYTES)
        if batch:
            # Leftovers keep their promises of heartbeats: their runs died with their producers.
            is_own = queue.identity.by == self._own.identity.by
            self._sender.send(queue, batch, durability, vetted=self._vetted if is_own else _as_it_is)
        return bool(batch)

    def _tend(self) -> None:
        try:
            self._own.tend()
        except SpoolUnusable as error:
            if str(error) != str(self._tending):
                _log.warning("%s", error)
            self._tending = error
        else:
            self._tending = None

    def _wait_or_leave(self, queue: Queue, error: RedisError) -> None:
        """A batch is not as safe as it must be: return to wait for it again, or raise to give it up."""
        if self._stopped:
            raise error
        if queue is self._own or self._leftovers is None:
            self._fail(error)
            return
        if self._own.waiting:
            raise _NotSafe(reason_of(error, self._client))
        self._leftovers.note(reason_of(error, self._client))
        self._count_failure()

    # -- success and failure --

    def _fail(self, error: Exception) -> None:
        is_own = isinstance(error, SpoolUnusable | UnusableServer)
        trouble = str(error) if is_own else reason_of(error, self._client)
        if trouble != self.trouble and not self._stopped:
            _log.warning("operations wait: %s", trouble)
        self.trouble = trouble
        self.unusable = error if isinstance(error, UnusableServer) else None
        self._count_failure()

    def _count_failure(self) -> None:
        with self._changed:
            self._failures += 1
            self._changed.notify_all()

    def _succeed(self) -> None:
        if self.trouble is not None:
            _log.warning("operations are forwarded again")
            self.trouble = self.unusable = None
        self._pause.reset()
        self._one_by_one = isinstance(self._tending, SpoolDamaged)  # until the damage, which cannot be repaired now
        with self._changed:
            self._changed.notify_all()

    def _wait_for_better_times(self) -> None:
        self._one_by_one = True
        self._tend()
        with self._changed:
            if self._hurried:
                self._hurried = False
                self._pause.reset()
            self._pause.wait()

    def _sleep_unless_hurried(self, seconds: float) -> None:
        self._changed.wait_for(lambda: self._stopped or self._hurried, seconds)

    def _linger(self) -> None:
        if self._own.waiting < _LINGER_OPERATIONS and not self._flushing:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._flushing, _LINGER_SECONDS)

    def _sleep(self) -> None:
        """Sleep until an operation is appended, or it is time to look for leftovers."""
        with self._changed:
            self._sleeping = True
            self._changed.notify_all()  # `flush` may wait to hear that there are no more leftovers
            if not (self._stopped or self._own.waiting):
                self._changed.wait(None if self._leftovers is None else self._leftovers.seconds_to_look())
            self._sleeping = False
