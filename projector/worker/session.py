"""A session: the active projector's work under one lease, from the reset of the group to the first error."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from zlib import crc32

from producer.connection.wire import entries_of
from producer.wal import HEARTBEAT_SECONDS
from projector.bounds import Bounds
from projector.commit.link import Link, Script
from projector.commit.verdict import judge
from projector.errors import Damaged, ServerRefused, Superseded
from projector.keys import GROUP, Keys
from projector.retention.room import RoomWatch
from projector.worker.batch_size import Batch, BatchSize
from projector.worker.lease import Lease
from projector.worker.loader import check_config, read_checkpoint
from projector.worker.orphans import Orphans
from projector.worker.projection_writer import Observer, ProjectionWriter
from projector.worker.trimming import Trimming

_INSPECTION_SECONDS = 1.0
_DOZES_AFTER_SECONDS = 3.0
"""A session to which no entry came for so long dozes until one comes."""
_LONGEST_DOZE_MS = 1600
"""For so long a stop waits at most: less than a third of the usual lease, and less than a client's usual time-out."""
_ROUNDS_A_LOOK = 4
"""Of so many rounds of dozing one looks whether the log has another length."""
_SHORTEST_SLEEP_SECONDS, _LONGEST_SLEEP_SECONDS = 1.0, 30.0
"""Under a watch: servers are told to close connections that say nothing for long."""
_DOZING_INSPECTION_SECONDS = 120.0
"""How often a dozing session inspects and tidies, even if nothing seems to have changed."""

INSPECT = Script("inspect")


@dataclass(slots=True, eq=False)
class Asleep:
    """A session that sleeps until somebody else has `woken` it: because an entry is behind `last_id` in the `log`,
    because the `lease` has another token, or because the log has another `length`, which `log_has_changed` says."""

    log: bytes
    last_id: str
    length: int | None
    lease: bytes
    token: bytes
    ttl_ms: int
    woken: threading.Event = field(default_factory=threading.Event)
    is_watched: bool = False
    log_has_changed: bool = False


class Watch(Protocol):
    """Wakes sessions that sleep, and renews their leases meanwhile."""

    def wait(self, asleep: Asleep, seconds: float) -> bool:
        """Whether it was waited until `asleep` was woken, or for so many seconds."""

    def wake(self, log: bytes) -> None:
        """Wake the session of `log` up, if it sleeps."""


class Session:
    """Folds and commits batch after batch. After any error the caller drops the session and closes the link.

    A session sends requests ahead: while this process folds a batch, the server prepares the next batch and runs the
    commit of the batch before. The fences make that safe.

    A session to which no entries come dozes: in each round it renews the lease and waits for an entry, and in every
    fourth it asks how long the log is. Only if that has changed does it inspect before its time. So a hundred idle
    namespaces cost a server less than two hundred commands a second: an inspection alone is twenty-seven.
    """

    def __init__(
        self,
        link: Link,
        keys: Keys,
        bounds: Bounds,
        lease: Lease,
        size: BatchSize,
        *,
        trimming: Trimming | None = None,
        watch: Watch | None = None,
        dozes: bool = True,
        room: RoomWatch | None = None,
        observer: Observer | None = None,
        heartbeat_ttl: float = HEARTBEAT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.projection = ProjectionWriter(
            link, keys, bounds, token=lease.token, ttl_ms=lease.ttl_ms, observer=observer, monotonic=monotonic
        )
        self._trimming = trimming
        self.dozes = dozes
        """False after the server has refused what a dozing session sends: accounts may be older than this program."""
        self._watch = watch
        self._asleep: Asleep | None = None
        self._room = room
        self._orphans = Orphans(
            link,
            keys,
            lease,
            lambda: self.projection.sent_id,
            heartbeat_ttl=heartbeat_ttl,
            monotonic=monotonic,
            clock=clock,
        )
        self._bounds = bounds
        self._link = link
        self._keys = keys
        self._lease = lease
        self._monotonic = monotonic
        self._batch: Batch | None = None  # read, and not yet folded
        self._reading = False
        self._size = size
        self._requested = 0
        self._inspected_at = monotonic()
        # Below a third of the lease's TTL, so that an idle projector renews it in time.
        self._block_ms = max(1, min(1000, lease.ttl_ms // 4))
        self._doze_ms = max(self._block_ms, min(_LONGEST_DOZE_MS, lease.ttl_ms * 8 // 25))
        self._busy_at = monotonic()  # when a batch came last
        self._rounds = 0  # of dozing, since then
        self._length: int | None = None  # of the log, before the latest inspection of a dozing session
        self._inspects_at = 0.0

    def begin(self) -> None:
        """Check log and projection, set the group to the checkpoint, and load what is small."""
        checkpoint = read_checkpoint(self._link, self._keys)
        check_config(checkpoint, self._bounds, self._keys.namespace)
        if checkpoint is not None:
            self.projection.stand_at(checkpoint)
        self._inspect(GROUP)
        self.projection.loader.load_tables()

    def step(self, *, wait: bool) -> bool:
        """Fold and commit the next batch; whether there was one. With `wait`, wait a second for it at most."""
        if wait and self._is_idle():
            return self._doze()
        self._request_batch(block=wait)
        while self._batch is None:
            self._link.receive()
        batch, self._batch = self._batch, None
        if not batch:
            self._look_after_all()
            return False
        self._take(batch)
        return True

    def _take(self, batch: Batch) -> None:
        """Fold and commit `batch`."""
        self._busy_at, self._rounds, self._length, self._asleep = self._monotonic(), 0, None, None
        self._orphans.stir()
        full = len(batch) == self._requested
        self._size.arrived(batch, full=full)
        if full:
            self._request_batch(block=False)  # more is waiting: have it read while this batch is folded
        self.projection.advance(batch)
        self._size.committed(batch, self.projection.written)
        if self._monotonic() - self._inspected_at >= _INSPECTION_SECONDS:
            self._inspect()  # by a call: a commit that memory was full for goes by the script before it
            self._tidy()

    def finish(self) -> None:
        """Receive every reply under way, so that all that was folded is committed."""
        self._link.settle()

    def _request_batch(self, *, block: bool) -> None:
        if self._reading or self._batch is not None:
            return
        self._reading = True
        self._requested = self._size.count
        self._link.request(self._batch_came, *self._reading_of(self._block_ms if block else 0))

    def _reading_of(self, block_ms: int) -> tuple[Any, ...]:
        wait = ("BLOCK", block_ms) if block_ms else ()
        return (
            *("XREADGROUP", "GROUP", GROUP, self._lease.token, "COUNT", self._requested, *wait),
            *("NOACK", "STREAMS", self._keys.wal, ">"),
        )

    def _batch_came(self, reply: Any) -> None:
        self._reading = False
        self._batch = entries_of(reply)

    def _is_idle(self) -> bool:
        return self.dozes and not self._reading and self._monotonic() - self._busy_at >= _DOZES_AFTER_SECONDS

    def _doze(self) -> bool:
        """Wait for a batch, and fold and commit it; whether there was one."""
        if self._sleep():
            return False
        self._requested = self._size.count
        has_runs = bool(self.projection.history.in_flight.size)
        looks = has_runs and self._orphans.seconds_to_look <= self._doze_ms / 1000
        # What stands behind the reading runs when the wait is over: all replies come together, and wake this once.
        commands: list[tuple[Any, ...]] = [
            self._reading_of(self._block_ms if looks else self._doze_ms),
            ("GETEX", self._keys.lease, "PX", self._lease.ttl_ms),
        ]
        if self._rounds % _ROUNDS_A_LOOK == 0:
            commands.append(("XLEN", self._keys.wal))
        try:
            read, holder, *lengths = self._link.call_all(commands)
        except (Damaged, ServerRefused) as error:  # a key of another type: a new session says which
            self.dozes = isinstance(error, Damaged)
            raise Superseded(str(error)) from error
        if holder != self._lease.token.encode():  # which now lasts longer, once: its holder lives
            judge([b"lease", holder or b""], self._keys)
        if batch := entries_of(read):
            self._take(batch)
            return True
        self._rounds += 1
        if self._monotonic() >= self._inspects_at or any(length != self._length for length in lengths):
            self._look_after_all()
            self._length, self._asleep = next(iter(lengths), self._length), None
            # Sessions that began together, as after the start of a worker, do not all inspect in the same second.
            part = crc32(self._lease.token.encode()) % 100 / 100 if self._rounds == 1 else 1.0
            self._inspects_at = self._monotonic() + _DOZING_INSPECTION_SECONDS * part
        elif looks:
            self._orphans.look()
        return False

    def _sleep(self) -> bool:
        """Sleep under the watch, if there is one that has this session in its round; whether it did."""
        if self._watch is None or self._length is None:
            return False
        if self._asleep is None:
            keys, lease = self._keys, self._lease
            token, last_id = lease.token.encode(), self.projection.sent_id
            self._asleep = Asleep(keys.wal, last_id, self._length, keys.lease, token, lease.ttl_ms)
        has_runs = bool(self.projection.history.in_flight.size)
        seconds = min(self._inspects_at - self._monotonic(), _LONGEST_SLEEP_SECONDS)
        if has_runs:
            seconds = min(seconds, self._orphans.seconds_to_look)
        if seconds < _SHORTEST_SLEEP_SECONDS or not self._watch.wait(self._asleep, seconds):
            return False
        if self._asleep.log_has_changed:
            self._inspects_at = 0.0
        self._asleep = None  # the next round is its own: it reads the entry, or sees who has the lease
        return True

    def _look_after_all(self) -> None:
        if self._inspect():  # the group stands beyond entries that nobody folded
            self._inspect(GROUP)
        self._tidy()

    def _tidy(self) -> None:
        """Do what is done at each inspection, beside the folding."""
        if self._trimming is not None:
            self._trimming.trim(self._link, self._keys, self._lease, self.projection)
        if self._room is not None:
            self._room.look(self._link.call, trims=self._trimming is not None)
        self._orphans.look()

    def _inspect(self, group: bytes = b"") -> str:
        """Check log and projection, and renew the lease: the id of the entry that follows the checkpoint, or `""`.

        With a `group`, set the group to the checkpoint, so that every entry after it comes again, in order. Raises
        Superseded or Damaged if a check fails.
        """
        (after,) = judge(self._link.call(*self._inspection(group)), self._keys)
        self._inspected_at = self._monotonic()
        return after

    def _inspection(self, group: bytes = b"") -> tuple[Any, ...]:
        keys, lease, checkpoint = self._keys, self._lease, self.projection.history.checkpoint
        may_lack = checkpoint.trimmed + checkpoint.lost
        others = {key: kind for key, kind in keys.fixed.items() if key != keys.quarantine}
        ours = [lease.token, lease.ttl_ms, self.projection.sent_id, may_lack, group, checkpoint.entries]
        return INSPECT.command(
            [keys.wal, keys.lease, keys.checkpoint, keys.quarantine, *others], [*ours, *others.values()]
        )
