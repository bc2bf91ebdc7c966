"""The one loop that forwards what waits: in order, in batches, each until it is acknowledged."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from producer.connection.client import Client, RedisError, reason_of
from producer.delivery.sender import Sender
from producer.durability import Durability
from producer.errors import SpoolDamaged, SpoolUnusable, UnusableServer
from producer.pause import Pause
from producer.queue.queue import Queue, Vetted

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


class _NotSafe(Exception):
    """What a dead producer left is in the log, but not as safe as it has to be, and our own shall not wait for it."""


class Forwarder:
    """A thread that sends what waits in `own` and, when nothing does, what dead producers left.

    What arrived is removed; what may have arrived is sent again under its number, and so counts once. After trouble
    operations go one by one until one arrives: where a refusal passes, later ones shall not overtake it.

    An operation leaves when it is as safe as `durability`, and as its queue, have it. What dead producers left is put
    off where that cannot be had, so that it does not hold up our own.
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
        self.unusable: UnusableServer | None = None
        """The same, when it is that the server, as it is, will never do."""
        self._client = client
        self._own = own
        self._leftovers = leftovers
        self._durability = durability
        self._sender = Sender(client, timeout=timeout, unsafe=self._wait_or_leave, monotonic=monotonic)
        self._one_by_one = False
        self._tending: SpoolUnusable | None = None  # what went wrong at it
        self._vetted = vetted
        self._pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=self._sleep_unless_hurried)
        self._failures = 0
        self._flushing = 0  # how many wait for a flush
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
        """Something was put in."""
        if self._sleeping:
            with self._changed:
                self._changed.notify_all()

    def flush(self, timeout: float, *, attempts: float = math.inf, leftovers: bool = True) -> bool:
        """Whether all that waits has arrived within `timeout` seconds, and before so many attempts have failed.

        That is what has been put in so far, and, unless they are not asked for, the `leftovers` of dead producers.
        Raises UnusableServer when it turns out that the server cannot make it as safe as was asked.
        """
        own = self._own
        others = self._leftovers if leftovers else None
        last = 0 if own is None else own.last

        def is_settled() -> bool:
            is_own_done = own is None or own.removed >= last or not own.waiting
            return is_own_done and (others is None or others.exhausted)

        def arrived() -> bool:
            return is_settled() and (others is None or others.trouble is None)

        with self._changed:
            if others is not None:
                others.look_again()
            self._flushing += 1
            self._hurried = True
            self._changed.notify_all()
            begun = self._failures

            def is_over() -> bool:
                if arrived() or self._failures >= begun + attempts:
                    return True
                if self.unusable is not None and self._failures > begun:
                    return True
                return attempts < math.inf and is_settled()  # what was put off has had its attempt

            try:
                self._changed.wait_for(is_over, timeout)
            finally:
                self._flushing -= 1
            if arrived():
                return True
            if self.unusable is not None:
                raise UnusableServer(str(self.unusable))
            return False

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
            self._sender.close()
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
            self._tend()
            self._sleep()
            return True
        self._tend()
        if is_delivered:
            self._succeed()
        return is_delivered

    def _next_of(self, leftovers: Leftovers) -> Queue | None:
        if self.trouble is not None:  # first see whether it is over: what we hold, nobody else can deliver
            self._sender.open()
            self._succeed()
        return leftovers.current()

    def _forward_leftover(self, leftovers: Leftovers, queue: Queue) -> bool:
        try:
            self._forward(queue, one_by_one=leftovers.is_suspect)
        except (_NotSafe, SpoolUnusable, UnusableServer) as error:
            leftovers.put_off(str(error))
            self._count_failure()
        else:
            if not queue.waiting:
                leftovers.finish()
        return True

    def _forward(self, queue: Queue, *, one_by_one: bool = False) -> bool:
        """Send a batch; False if there is none, since it is on its way in."""
        durability = self._durability.raised_to(queue.level)
        most = SAFE_BATCH_OPERATIONS if durability.commands else BATCH_OPERATIONS
        try:
            batch = queue.batch(1 if self._one_by_one or one_by_one else most, BATCH_BYTES)
            if batch:
                # What dead producers left stands as it is: their runs have died with them.
                vetted = self._vetted if queue is self._own else None
                self._sender.send(queue, batch, durability, vetted=vetted)
        except SpoolDamaged:
            queue.tend()
            return True
        return bool(batch)

    def _tend(self) -> None:
        if self._own is not None:
            try:
                self._own.tend()
            except SpoolUnusable as error:
                if str(error) != str(self._tending):
                    _log.warning("%s", error)
                self._tending = error
            else:
                self._tending = None

    def _wait_or_leave(self, queue: Queue, error: RedisError) -> None:
        """What was sent is not as safe as it has to be: raise, unless it is to be asked for again."""
        if self._stopped:
            raise error
        if queue is self._own or self._leftovers is None:
            self._fail(error)
            return
        if self._own is not None and self._own.waiting:
            raise _NotSafe(reason_of(error, self._client))
        self._leftovers.note(reason_of(error, self._client))
        self._count_failure()

    # -- how it goes --

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
        self._one_by_one = isinstance(self._tending, SpoolDamaged)  # which cannot be mended now: up to the damage
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
