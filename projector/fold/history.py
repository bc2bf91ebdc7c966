"""The history, on which the fold works, as plain data. `projector/commit/plan.py` turns its changes into writes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from projector.bounds import SCHEMA, Bounds
from projector.checkpoint import Checkpoint
from projector.fold.sequence import Sequence
from projector.fold.statistics import ActionStatistics, ScannerStatistics
from projector.fold.table import Table
from projector.records import InFlightRecord


@dataclass(slots=True)
class Totals:
    """`{ns}:totals`."""

    total_executions: int = 0
    successes: int = 0
    failures: int = 0
    orphaned: int = 0
    cleanups: int = 0
    cleanup_failures: int = 0

    def fields(self) -> dict[str, str | int]:
        """The hash."""
        return asdict(self)

    @classmethod
    def of_hash(cls, found: Mapping[bytes, bytes]) -> Totals:
        """From the hash, in which absent counts are zero; raises ValueError for a value that is no number."""
        return cls(**{field.name: int(found.get(field.name.encode(), 0)) for field in fields(cls)})


TABLES = ("in_flight", "orphans", "producers", "actions", "scanners", "quarantine")
COUNTED = tuple(name for name in TABLES if name != "quarantine")
"""The tables whose evictions stand in the checkpoint, as `<name>_evicted`."""


class History:
    """The result of folding entries. A new history is whole in memory; a loader can make it stand for a projection.

    The lists hold JSON records, newest last, and no more than their bound, like the lists in Redis. After each commit
    its writer calls `committed()`, which clears them.
    """

    __slots__ = (
        "actions",
        "bounds",
        "checkpoint",
        "cleanups",
        "executions",
        "executions_of",
        "failures",
        "in_flight",
        "orphans",
        "producers",
        "quarantine",
        "scanners",
        "totals",
    )

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.checkpoint = Checkpoint(schema=SCHEMA, config=bounds.config().decode())
        self.totals = Totals()
        self.executions: deque[bytes] = deque(maxlen=bounds.max_entries)
        self.failures: deque[bytes] = deque(maxlen=bounds.max_entries)
        self.cleanups: deque[bytes] = deque(maxlen=bounds.max_entries)
        self.executions_of: dict[str, deque[bytes]] = {}
        self.in_flight: Table[InFlightRecord] = Table(bounds.max_in_flight)
        self.orphans: Table[InFlightRecord] = Table(bounds.max_in_flight)
        self.actions: Table[ActionStatistics] = Table(bounds.max_actions)
        self.scanners: Table[ScannerStatistics] = Table(bounds.max_scanners)
        self.producers: Table[Sequence] = Table(bounds.max_producers)
        self.quarantine: Table[list[bytes]] = Table(bounds.max_quarantine)

    def push_execution(self, action_id: str, record: bytes, *, failed: bool) -> None:
        self.executions.append(record)
        if failed:
            self.failures.append(record)
        own = self.executions_of.get(action_id)
        if own is None:
            own = self.executions_of[action_id] = deque(maxlen=self.bounds.max_action_entries)
        own.append(record)

    def committed(self) -> None:
        """Take note that a commit has written all changes, and begin to collect anew."""
        for entry_id in self.quarantine.changed:
            self.quarantine.rows[entry_id] = []  # the fold asks again only whether the entry is there
        self.changes_seen()
        self.executions.clear()
        self.failures.clear()
        self.cleanups.clear()
        self.executions_of = {}

    def changes_seen(self) -> None:
        """Forget which rows changed, and keep the lists: for a history that stays whole in memory."""
        for _, action in self.actions.changes():
            action.committed()
        for _, scanner in self.scanners.changes():
            scanner.committed()
        for table in self.tables().values():
            table.committed()

    def tables(self) -> dict[str, Table[Any]]:
        """The tables by name, which is also their name in `Keys`."""
        return {name: getattr(self, name) for name in TABLES}

    def stand_at(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint`."""
        self.checkpoint = checkpoint
        for name in COUNTED:
            getattr(self, name).evicted = getattr(checkpoint, f"{name}_evicted")

    def checkpoint_fields(self) -> dict[str, str | int]:
        """The checkpoint's hash, with the evictions that the tables have counted."""
        return self.checkpoint.fields() | {f"{name}_evicted": getattr(self, name).evicted for name in COUNTED}
