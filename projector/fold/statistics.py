"""What is counted of an action and of a scanner. Averages floor; times are minima and maxima."""

from __future__ import annotations

from typing import Required, TypedDict

from producer.operations import ActionExecutionCompleted, CleanupExecuted
from projector.fold.histogram import bucket_of

__all__ = ["MAX_CLEANUP_ACTIONS", "OTHER_ACTIONS", "ActionStatistics", "ScannerStatistics"]

MAX_CLEANUP_ACTIONS = 100
"""Names of cleanup actions that a scanner counts one by one; the rest are counted under OTHER_ACTIONS."""
OTHER_ACTIONS = "(other)"

_COUNT = b"action:"
_TEXTS = ("last_error", "last_entry_id")


class ActionFields(TypedDict, total=False):
    """`{ns}:action:<action_id>`: what there is nothing to say of is absent."""

    total_executions: Required[int]
    successes: Required[int]
    failures: Required[int]
    orphaned: Required[int]
    avg_duration_ms: Required[int]
    duration_ms_sum: Required[int]
    duration_ms_min: int
    duration_ms_max: int
    first_at: int
    last_at: int
    last_success_at: int
    last_failure_at: int
    last_error: str
    consecutive_failures: Required[int]
    last_entry_id: Required[str]


class ScannerFields(TypedDict, total=False):
    """`{ns}:scanner:<scanner_id>`, without the counts of what was done."""

    total_cleanups: Required[int]
    successes: Required[int]
    failures: Required[int]
    last_at: int
    last_error: str
    last_entry_id: Required[str]


class ActionStatistics:
    """`{ns}:action:<action_id>` and `{ns}:durations:<action_id>`: as they stand in `fields` and `durations`.

    `changed` and `changed_durations` are what of them the next commit has to write.
    """

    __slots__ = ("changed", "changed_durations", "durations", "fields")

    def __init__(self) -> None:
        self.fields: ActionFields = {
            "total_executions": 0,
            "successes": 0,
            "failures": 0,
            "orphaned": 0,
            "avg_duration_ms": 0,
            "duration_ms_sum": 0,
            "consecutive_failures": 0,
            "last_entry_id": "",
        }
        self.durations: dict[int, int] = {}
        self.changed: dict[str, object] = dict(self.fields)
        self.changed_durations: dict[int, int] = {}

    def complete(self, operation: ActionExecutionCompleted, entry_id: str) -> None:
        """Count one run that ended."""
        fields = self.fields
        duration, at = operation.duration_ms, operation.completed_at
        total = fields["total_executions"] + 1
        together = fields["duration_ms_sum"] + duration
        new: dict[str, object] = {
            "total_executions": total,
            "duration_ms_sum": together,
            "avg_duration_ms": together // total,
            "last_entry_id": entry_id,
        }
        if duration < fields.get("duration_ms_min", duration + 1):
            new["duration_ms_min"] = duration
        if duration > fields.get("duration_ms_max", -1):
            new["duration_ms_max"] = duration
        if at < fields.get("first_at", at + 1):
            new["first_at"] = at
        if at > fields.get("last_at", -1):
            new["last_at"] = at
        if operation.success:
            new["successes"] = fields["successes"] + 1
            if fields["consecutive_failures"]:
                new["consecutive_failures"] = 0
            if at > fields.get("last_success_at", -1):
                new["last_success_at"] = at
        else:
            new["failures"] = fields["failures"] + 1
            new["consecutive_failures"] = fields["consecutive_failures"] + 1
            if at > fields.get("last_failure_at", -1):
                new["last_failure_at"] = at
            new["last_error"] = operation.error or ""
        fields.update(new)  # type: ignore[typeddict-item]  # only names of ActionFields are in it
        self.changed.update(new)
        bucket = bucket_of(duration)
        self.durations[bucket] = self.changed_durations[bucket] = self.durations.get(bucket, 0) + 1

    def orphan(self, runs: int, entry_id: str) -> None:
        """Count one run more as presumed dead, or with −1 one less; an evicted action began again at zero."""
        fields = self.fields
        fields["orphaned"] = self.changed["orphaned"] = max(0, fields["orphaned"] + runs)
        fields["last_entry_id"] = self.changed["last_entry_id"] = entry_id

    def committed(self) -> None:
        """What changed is written."""
        self.changed = {}
        self.changed_durations = {}

    @classmethod
    def of_hashes(cls, fields: dict[bytes, bytes], durations: dict[bytes, bytes]) -> ActionStatistics:
        """From the two hashes; raises ValueError for what is no integer, and where a field is missing."""
        self = cls()
        _fill(self.fields, fields)
        self.durations = {int(bound): int(count) for bound, count in durations.items()}
        self.changed = {}
        return self


class ScannerStatistics:
    """`{ns}:scanner:<scanner_id>`: as it stands in `fields` and, counting what was done by name, in `actions`.

    `changed` is what of it the next commit has to write.
    """

    __slots__ = ("actions", "changed", "fields")

    def __init__(self) -> None:
        self.fields: ScannerFields = {"total_cleanups": 0, "successes": 0, "failures": 0, "last_entry_id": ""}
        self.actions: dict[str, int] = {}
        self.changed: dict[str, object] = dict(self.fields)

    def clean(self, operation: CleanupExecuted, entry_id: str) -> None:
        """Count one cleanup."""
        fields = self.fields
        new: dict[str, object] = {"total_cleanups": fields["total_cleanups"] + 1, "last_entry_id": entry_id}
        if operation.success:
            new["successes"] = fields["successes"] + 1
        else:
            new["failures"] = fields["failures"] + 1
            new["last_error"] = operation.error or ""
        if operation.executed_at > fields.get("last_at", -1):
            new["last_at"] = operation.executed_at
        fields.update(new)  # type: ignore[typeddict-item]  # only names of ScannerFields are in it
        self.changed.update(new)
        name = operation.action
        if name not in self.actions and len(self.actions) - (OTHER_ACTIONS in self.actions) >= MAX_CLEANUP_ACTIONS:
            name = OTHER_ACTIONS
        self.actions[name] = self.changed[f"action:{name}"] = self.actions.get(name, 0) + 1

    def committed(self) -> None:
        """What changed is written."""
        self.changed = {}

    def whole(self) -> dict[str, object]:
        """The hash."""
        return {**self.fields, **{f"action:{name}": count for name, count in self.actions.items()}}

    @classmethod
    def of_hash(cls, fields: dict[bytes, bytes]) -> ScannerStatistics:
        """From the hash; raises ValueError for what is no integer, and where a field is missing."""
        self = cls()
        own = {name: value for name, value in fields.items() if not name.startswith(b"action:")}
        _fill(self.fields, own)
        self.actions = {
            name.decode().removeprefix("action:"): int(fields[name]) for name in fields.keys() - own.keys()
        }
        self.changed = {}
        return self


def _fill(known: ActionFields | ScannerFields, found: dict[bytes, bytes]) -> None:
    """Take over what was found in Redis; `known` has the fields that must be there."""
    texts = {name.decode(): value.decode() for name, value in found.items()}
    if missing := known.keys() - texts.keys():
        raise ValueError(f"expected the fields {', '.join(sorted(missing))}, found none of them")
    known.update({name: value if name in _TEXTS else int(value) for name, value in texts.items()})  # type: ignore[typeddict-item]
