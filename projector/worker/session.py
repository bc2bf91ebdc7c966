"""A session: the active projector's work under one lease, from the reset of the group to the first error."""

import time
from collections.abc import Callable
from typing import Any

from producer.connection.wire import entries_of
from producer.wal import HEARTBEAT_SECONDS
from projector.bounds import Bounds
from projector.commit.link import Link, Script
from projector.commit.verdict import judge
from projector.keys import GROUP, Keys
from projector.retention.room import RoomWatch
from projector.worker.batch_size import Batch, BatchSize
from projector.worker.lease import Lease
from projector.worker.loader import check_config, read_checkpoint
from projector.worker.orphans import Orphans
from projector.worker.projection_writer import ProjectionWriter
from projector.worker.trimming import Trimming

_INSPECTION_SECONDS = 1.0

INSPECT = Script("inspect")


class Session:
    """Folds and commits batch after batch. After any error the caller drops the session and closes the link.

    A session sends requests ahead: while this process folds a batch, the server prepares the next batch and runs the
    commit of the batch before. The fences make that safe.
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
        room: RoomWatch | None = None,
        heartbeat_ttl: float = HEARTBEAT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.projection = ProjectionWriter(link, keys, bounds, token=lease.token, ttl_ms=lease.ttl_ms)
        self._trimming = trimming
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
        self._request_batch(block=wait)
        while self._batch is None:
            self._link.receive()
        batch, self._batch = self._batch, None
        if not batch:
            if self._inspect():  # the group stands beyond entries that nobody folded
                self._inspect(GROUP)
            self._tidy()
            return False
        full = len(batch) == self._requested
        self._size.arrived(batch, full=full)
        if full:
            self._request_batch(block=False)  # more is waiting: have it read while this batch is folded
        self.projection.advance(batch)
        self._size.committed(batch, self.projection.written)
        if self._monotonic() - self._inspected_at >= _INSPECTION_SECONDS:
            self._inspect()  # by a call: a commit that memory was full for goes by the script before it
            self._tidy()
        return True

    def finish(self) -> None:
        """Receive every reply under way, so that all that was folded is committed."""
        self._link.settle()

    def _request_batch(self, *, block: bool) -> None:
        if self._reading or self._batch is not None:
            return
        self._reading = True
        self._requested = self._size.count
        wait = ("BLOCK", self._block_ms) if block else ()
        self._link.request(
            self._batch_came,
            *("XREADGROUP", "GROUP", GROUP, self._lease.token, "COUNT", self._requested, *wait),
            *("NOACK", "STREAMS", self._keys.wal, ">"),
        )

    def _batch_came(self, reply: Any) -> None:
        self._reading = False
        self._batch = entries_of(reply)

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
