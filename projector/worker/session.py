"""A session: what the active projector does under one lease, from the reset of the group to its first trouble."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from projector.bounds import Bounds
from projector.commit.plan import checkpoint_fields, plan_of
from projector.fold.entry import Entry, read_entry
from projector.fold.fold import fold
from projector.fold.history import History
from projector.keys import GROUP, Keys
from projector.worker.lease import Lease
from projector.worker.link import Link, Script, entries_of
from projector.worker.loader import Loader, check_config
from projector.worker.verdict import judge

__all__ = ["COMMIT", "INSPECT", "Session"]

MAX_BATCH = 1000
"""Entries folded and committed at once. More makes scripts long (they hold up every client), fewer costs speed."""
_FIRST_BATCH = 100
_BATCH_BYTES = 4 << 20
"""Beyond so many bytes of operations the next batch is smaller."""
_INSPECTION_SECONDS = 1.0

COMMIT = Script("commit")
INSPECT = Script("inspect")
_FIXED_KEYS = {
    "executions": "list",
    "failures": "list",
    "cleanups": "list",
    "in_flight": "hash",
    "orphans": "hash",
    "totals": "hash",
    "actions": "zset",
    "scanners": "zset",
    "producers": "hash",
    "quarantine": "stream",
}


class Session:
    """Folds and commits batch after batch. Any error ends it: the memory is dropped, the link closed.

    Requests are sent ahead: while this process folds a batch, the server prepares the next one and runs the commit
    of the one before. The fences make that safe, and `_expected` has what is to be done with each reply, in order.
    """

    def __init__(
        self,
        link: Link,
        keys: Keys,
        bounds: Bounds,
        lease: Lease,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.history = History(bounds)
        self._link = link
        self._keys = keys
        self._lease = lease
        self._monotonic = monotonic
        self._loader = Loader(link, keys, self.history, self._settle)
        self._expected: deque[Callable[[Any], None]] = deque()
        self._batch: list[tuple[bytes, list[bytes]]] | None = None  # read, and not yet folded
        self._reading = False
        self._count = _FIRST_BATCH
        self._inspected_at = monotonic()
        # Below a third of the lease's TTL, so that an idle projector renews it in time.
        self._block_ms = max(1, min(1000, lease.ttl_ms // 4))
        self._committed_id = ""
        self.committed_entries = 0
        """Entries committed in this session."""

    def begin(self) -> None:
        """Load what is small, check it all, and set the group to the checkpoint."""
        found = self._link.call("HGETALL", self._keys.checkpoint)
        checkpoint = found if isinstance(found, dict) else dict(zip(found[0::2], found[1::2], strict=True))
        check_config(checkpoint, self.history.bounds, self._keys.namespace)
        self._loader.load_checkpoint(checkpoint)
        self._committed_id = self.history.checkpoint.last_id
        self._inspect(group=b"")
        self._loader.load_tables()
        self._inspect(group=GROUP)

    def step(self, *, wait: bool) -> bool:
        """Fold and commit the next batch, waiting a second for it at most, if at all. Whether there was one."""
        self._request_batch(block=wait)
        while self._batch is None:
            self._receive()
        batch, self._batch = self._batch, None
        if not batch:
            return self._rest()
        if len(batch) >= self._count:
            self._request_batch(block=False)  # more is waiting: have it read while this batch is folded
        entries = [read_entry(entry_id, fields) for entry_id, fields in batch]
        self._loader.prepare(entries)
        for entry in entries:
            fold(self.history, entry)
        self._commit(entries)
        self._adapt(batch)
        if self._monotonic() - self._inspected_at >= _INSPECTION_SECONDS:
            self._send_inspection()
        return True

    def finish(self) -> None:
        """Receive what is under way, so that what was folded is committed."""
        self._settle()

    # -- requests, and what is done with their replies --

    def _receive(self) -> None:
        self._expected.popleft()(self._link.receive())

    def _settle(self) -> None:
        while self._expected:
            self._receive()

    def _request_batch(self, *, block: bool) -> None:
        if self._reading or self._batch is not None:
            return
        wait = ("BLOCK", self._block_ms) if block else ()
        self._link.send(
            "XREADGROUP", "GROUP", GROUP, self._lease.token, "COUNT", self._count, *wait,
            "NOACK", "STREAMS", self._keys.wal, ">",
        )  # fmt: skip
        self._reading = True
        self._expected.append(self._batch_came)

    def _batch_came(self, reply: Any) -> None:
        self._reading = False
        self._batch = entries_of(reply)

    def _commit(self, entries: list[Entry]) -> None:
        keys, history = self._keys, self.history
        plan = plan_of(history, keys)
        fields = checkpoint_fields(history)
        self._link.send_script(
            COMMIT,
            [keys.wal, keys.lease, keys.checkpoint, *plan.keys],
            [
                self._lease.token,
                self._lease.ttl_ms,
                self._committed_id,
                entries[0].id,
                len(fields),
                *fields,
                *plan.types,
                *plan.arguments,
            ],
        )
        count = len(entries)
        self._expected.append(lambda reply: self._committed(reply, count))
        self._committed_id = history.checkpoint.last_id
        history.committed()

    def _committed(self, reply: Any, count: int) -> None:
        judge(reply, self._keys)
        self.committed_entries += count

    def _rest(self) -> bool:
        """Nothing was read: check that nothing was passed over either, and renew the lease."""
        self._settle()
        if self._inspect(group=b""):  # the group stands beyond entries that nobody folded
            self._inspect(group=GROUP)
        return False

    def _inspect(self, *, group: bytes) -> str:
        """The id of the entry that follows the checkpoint, or `""`. With `group`, sets that to the checkpoint."""
        self._inspected_at = self._monotonic()
        (after,) = judge(self._link.call_script(INSPECT, *self._inspection(group)), self._keys)
        return after

    def _send_inspection(self) -> None:
        self._inspected_at = self._monotonic()
        self._link.send_script(INSPECT, *self._inspection(b""))
        self._expected.append(self._inspected)

    def _inspected(self, reply: Any) -> None:
        judge(reply, self._keys)

    def _inspection(self, group: bytes) -> tuple[list[bytes], list[Any]]:
        keys, checkpoint = self._keys, self.history.checkpoint
        fixed = [getattr(keys, name) for name in _FIXED_KEYS]
        return [keys.wal, keys.lease, keys.checkpoint, *fixed], [
            self._lease.token,
            self._lease.ttl_ms,
            self._committed_id,
            checkpoint.trimmed,
            group,
            checkpoint.entries,
            *_FIXED_KEYS.values(),
        ]

    def _adapt(self, batch: list[tuple[bytes, list[bytes]]]) -> None:
        """Read more at once while there is more, and less after a large batch."""
        size = sum(len(value) for _, fields in batch for value in fields[1::2])
        if size > _BATCH_BYTES:
            self._count = max(1, len(batch) * _BATCH_BYTES // size)
        elif len(batch) >= self._count:
            self._count = min(MAX_BATCH, 2 * self._count)
