"""The history, on which the fold works, as plain data. `projector/commit/plan.py` turns its changes into writes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from projector.bounds import SCHEMA, Bounds
from projector.checkpoint import Checkpoint
from projector.fold.failures.failed_runs import FailedRuns
from projector.fold.record import in_flight_of, to_json
from projector.fold.rollups.rollups import Rollups
from projector.fold.sequence import Sequence
from projector.fold.statistics import ActionStatistics, ScannerStatistics
from projector.fold.table import Table
from projector.records import ActionExecutionRecord, InFlightRecord


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
ROW_PARSERS: dict[str, Callable[[bytes], Any]] = {
    "in_flight": in_flight_of,
    "orphans": in_flight_of,
    "producers": Sequence.of_json,
}
"""For the tables that are one hash, a row a field."""
COUNTED = tuple(name for name in TABLES if name != "quarantine")
"""The tables whose evictions stand in the checkpoint, as `<name>_evicted`."""

_KINDS_IN_MEMORY = 20_000
"""Kinds of failure that a history keeps in memory between commits, where it stands for a projection; about 20 MB."""


class History:
    """The result of folding entries. A new history is whole in memory; a loader can make it stand for a projection.

    The lists hold JSON records, newest last, and no more than their bound, like the lists in Redis. After each commit
    its writer calls `committed()`, which clears them.
    """

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
        self.rollups = Rollups()
        self.failed_runs: dict[str, FailedRuns] = {}
        """By action, the one that failed longest ago first."""
        self.failing: dict[str, FailedRuns] = {}
        """Those of actions that failed since the last commit."""
        self.failures_elsewhere = False
        """Whether Redis may have failed runs of an action that is not in `failed_runs`."""
        self._kinds = 0  # in `failed_runs`, as of the last commit

    def push_execution(self, record: ActionExecutionRecord) -> None:
        """Put the record into the lists, and count it in the rollups, and if it failed by its kind."""
        action_id, json = record.action_id, to_json(record)
        self.executions.append(json)
        own = self.executions_of.get(action_id)
        if own is None:
            own = self.executions_of[action_id] = deque(maxlen=self.bounds.max_action_entries)
        own.append(json)
        self.rollups.count(record)
        if not record.success:
            self.failures.append(json)
            failed = self.failed_runs.pop(action_id, None)
            if failed is None:
                # The next commit deletes what an action had that was evicted, and comes again.
                failed = FailedRuns(loaded=not self.failures_elsewhere or action_id in self.actions.dropped)
            failed.count(record)
            self.failed_runs[action_id] = self.failing[action_id] = failed

    def forget_action(self, action_id: str) -> None:
        """Drop what is kept of an action beside its statistics, because they were evicted."""
        self.executions_of.pop(action_id, None)
        self.failing.pop(action_id, None)
        if action_id in self.failed_runs:
            self._kinds -= self.failed_runs.pop(action_id).committed_kinds

    def settle(self) -> None:
        """Bring what was counted into the rollups and the kinds of failure, as they stand after the last entry."""
        self.rollups.settle(self.checkpoint.last_id)
        for failed in self.failing.values():
            failed.settle()

    def committed(self) -> None:
        """Take note that a commit has written all changes, and begin to collect anew."""
        for entry_id in self.quarantine.changed:
            self.quarantine.rows[entry_id] = []  # the fold asks again only whether the entry is there
        self._forget_changes(forget=True)
        self.executions.clear()
        self.failures.clear()
        self.cleanups.clear()
        self.executions_of = {}

    def changes_seen(self) -> None:
        """Forget which rows changed, and keep the lists: for a history that stays whole in memory."""
        self.settle()
        for _, row in (*self.actions.changes(), *self.scanners.changes()):
            row.changed_counts = {}
        self._forget_changes(forget=False)

    def _forget_changes(self, *, forget: bool) -> None:
        for table in self.tables().values():
            table.committed()
        self.rollups.committed(forget=forget)
        for failed in self.failing.values():
            self._kinds += len(failed.kinds) - failed.committed_kinds
            failed.committed()
        self.failing = {}
        if forget and self._kinds > _KINDS_IN_MEMORY:
            self._forget_failures()

    def _forget_failures(self) -> None:
        """Leave to Redis the failed runs of the actions that failed longest ago, until half of the kinds are left."""
        self.failures_elsewhere = True
        for action_id in [*self.failed_runs]:
            if self._kinds <= _KINDS_IN_MEMORY // 2:
                break
            self._kinds -= self.failed_runs.pop(action_id).committed_kinds

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
