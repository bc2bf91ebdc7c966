"""The failed runs of one action: by kind of error, and how long they took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from projector.entry_id import order_of
from projector.fold.failures.fingerprint import cut, kind_of
from projector.fold.histogram import bucket_of
from projector.fold.record import to_json
from projector.fold.statistics import natural_of
from projector.fold.table import NotLoaded
from projector.records import OTHER, ActionExecutionRecord

MAX_KINDS = 50
"""Kinds that an action counts one by one, those seen last; what was pushed out is counted under OTHER."""
MAX_EXAMPLE_BYTES = 512

_Natural = Annotated[int, msgspec.Meta(ge=0)]


class Kind(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """`projector.records.FailureKind` as the fold counts it; its fields in the order of the JSON."""

    count: _Natural
    first_at: _Natural
    last_at: _Natural
    first_entry_id: str
    last_entry_id: str
    example: str

    def together_with(self, other: Kind) -> Kind:
        """What both counted."""
        first = min(self, other, key=lambda kind: order_of(kind.first_entry_id))
        last = max(self, other, key=lambda kind: order_of(kind.last_entry_id))
        return Kind(
            self.count + other.count,
            min(self.first_at, other.first_at),
            max(self.last_at, other.last_at),
            first.first_entry_id,
            last.last_entry_id,
            last.example,
        )


class FailedRuns:
    """`{ns}:failure_kinds:<action_id>` and `{ns}:failure_durations:<action_id>`.

    `count` keeps the records until `settle`, before each commit, so that nothing has to be loaded for an action
    before a run of it has failed. `loaded` tells whether what Redis has is in memory.
    """

    __slots__ = (
        "_changed",
        "_changed_durations",
        "_dropped",
        "_records",
        "committed_kinds",
        "durations",
        "kinds",
        "loaded",
    )

    def __init__(self, *, loaded: bool) -> None:
        self.loaded = loaded
        self.kinds: dict[str, Kind] = {}
        """The kind seen longest ago first; OTHER stands anywhere."""
        self.durations: dict[int, int] = {}
        self.committed_kinds = 0
        """How many kinds there were at the last commit."""
        self._records: list[ActionExecutionRecord] = []
        self._changed: dict[str, None] = {}
        self._dropped: dict[str, None] = {}
        self._changed_durations: dict[int, int] = {}

    def load(self, kinds: Mapping[bytes, bytes], durations: Mapping[bytes, bytes]) -> None:
        """Take what the two hashes hold; raises ValueError for what no commit writes."""
        found = {name.decode(): _kind_of_json(raw) for name, raw in kinds.items()}
        self.kinds = dict(sorted(found.items(), key=lambda item: order_of(item[1].last_entry_id)))
        self.durations = {natural_of(bound): natural_of(count) for bound, count in durations.items()}
        self.loaded = True

    def count(self, record: ActionExecutionRecord) -> None:
        """Count a run that failed or was presumed dead; its entry is the latest of all."""
        self._records.append(record)

    def settle(self) -> None:
        """Add all that was counted to the kinds and durations."""
        if self._records and not self.loaded:
            raise NotLoaded(self._records[0].action_id)
        for record in self._records:
            self._count_kind(record)
            if record.duration_ms is not None:
                bound = bucket_of(record.duration_ms)
                self.durations[bound] = self._changed_durations[bound] = self.durations.get(bound, 0) + 1
        self._records = []

    def _count_kind(self, record: ActionExecutionRecord) -> None:
        kind, at, entry_id = kind_of(record.error), record.timestamp, record.entry_id
        row = self.kinds.pop(kind, None)
        if row is None:
            row = Kind(0, at, at, entry_id, entry_id, "")
        row.count += 1
        row.first_at, row.last_at = min(row.first_at, at), max(row.last_at, at)
        row.last_entry_id, row.example = entry_id, cut(record.error or "", MAX_EXAMPLE_BYTES)
        self._put(kind, row)
        if len(self.kinds) - (OTHER in self.kinds) > MAX_KINDS:
            oldest = next(name for name in self.kinds if name != OTHER)
            pushed_out, other = self.kinds.pop(oldest), self.kinds.pop(OTHER, None)
            self._changed.pop(oldest, None)
            self._dropped[oldest] = None
            self._put(OTHER, other.together_with(pushed_out) if other else pushed_out)

    def _put(self, name: str, kind: Kind) -> None:
        """Set the row of `name`, as the row seen last."""
        self.kinds[name] = kind
        self._changed[name] = None
        self._dropped.pop(name, None)

    def changes(self) -> tuple[list[str], Iterator[tuple[str, str]], Mapping[int, int]]:
        """(kinds to delete, kinds to write as JSON, counts of durations to write)."""
        kinds = ((name, to_json(self.kinds[name]).decode()) for name in self._changed)
        return [*self._dropped], kinds, self._changed_durations

    def committed(self) -> None:
        """Take note that a commit has written all changes."""
        self._changed, self._dropped, self._changed_durations = {}, {}, {}
        self.committed_kinds = len(self.kinds)


_kind_of_json = msgspec.json.Decoder(Kind).decode
