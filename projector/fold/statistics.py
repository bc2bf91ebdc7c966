"""The statistics of an action and of a scanner. Averages floor; times are minima and maxima."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, compress
from operator import attrgetter, ne
from typing import ClassVar

from producer.operations import ActionExecutionCompleted, CleanupExecuted
from projector.fold.histogram import bucket_of

MAX_CLEANUP_ACTIONS = 100
"""Names of cleanup actions that a scanner counts one by one; the rest are counted under OTHER_ACTIONS."""
OTHER_ACTIONS = "(other)"

_TEXTS = ("last_error", "last_entry_id")
_COUNT = b"action:"


_Value = int | str | None


class _Statistics:
    """The attributes in FIELDS are the fields of a hash; the hash lacks those that are None.

    A commit writes the fields that differ from the commit before, so that the rules need not mark their changes.
    """

    __slots__ = ("_written",)
    FIELDS: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self._written: tuple[_Value, ...] = (None,) * len(self.FIELDS)

    def values(self) -> tuple[_Value, ...]:
        """The attributes in FIELDS, in that order."""
        raise NotImplementedError

    def fields(self) -> dict[str, int | str]:
        """The hash."""
        return {name: value for name, value in zip(self.FIELDS, self.values(), strict=True) if value is not None}

    def changes(self) -> Iterable[tuple[str, _Value]]:
        """The fields that the next commit has to write. No field ever becomes absent again."""
        values = self.values()
        return compress(zip(self.FIELDS, values, strict=True), map(ne, values, self._written))

    def committed(self) -> None:
        """Take note that a commit has written all changes."""
        self._written = self.values()

    def _fill(self, found: dict[bytes, bytes]) -> None:
        """Take the values from the hash `found` in Redis; raises ValueError for a value that is no number, for an
        unknown field, and if a field is missing that every such hash has."""
        missing = self.fields().keys() - {name.decode() for name in found}
        strange = {name.decode() for name in found} - set(self.FIELDS)
        if missing or strange:
            raise ValueError(f"expected the fields {self.FIELDS}, found {sorted(found)}")
        for name, value in found.items():
            text = name.decode()
            setattr(self, text, value.decode() if text in _TEXTS else _integer(value))
        self._written = self.values()


class ActionStatistics(_Statistics):
    """`{ns}:action:<action_id>` and, in `durations`, `{ns}:durations:<action_id>`.

    `changed_durations` holds the buckets that the next commit has to write.
    """

    FIELDS = (
        "total_executions",
        "successes",
        "failures",
        "orphaned",
        "avg_duration_ms",
        "duration_ms_sum",
        "duration_ms_min",
        "duration_ms_max",
        "first_at",
        "last_at",
        "last_success_at",
        "last_failure_at",
        "last_error",
        "consecutive_failures",
        "last_entry_id",
    )
    __slots__ = (*FIELDS, "changed_durations", "durations")

    def __init__(self) -> None:
        super().__init__()
        self.total_executions = 0
        self.successes = 0
        self.failures = 0
        self.orphaned = 0
        self.avg_duration_ms = 0
        self.duration_ms_sum = 0
        self.duration_ms_min: int | None = None
        self.duration_ms_max: int | None = None
        self.first_at: int | None = None
        self.last_at: int | None = None
        self.last_success_at: int | None = None
        self.last_failure_at: int | None = None
        self.last_error: str | None = None
        self.consecutive_failures = 0
        self.last_entry_id = ""
        self.durations: dict[int, int] = {}
        self.changed_durations: dict[int, int] = {}

    def values(self) -> tuple[_Value, ...]:
        return _action_values(self)

    def complete(self, operation: ActionExecutionCompleted) -> None:
        """Count one run that ended."""
        duration, at = operation.duration_ms, operation.completed_at
        self.total_executions = total = self.total_executions + 1
        self.duration_ms_sum = together = self.duration_ms_sum + duration
        self.avg_duration_ms = together // total
        if self.duration_ms_min is None or duration < self.duration_ms_min:
            self.duration_ms_min = duration
        if self.duration_ms_max is None or duration > self.duration_ms_max:
            self.duration_ms_max = duration
        if self.first_at is None or at < self.first_at:
            self.first_at = at
        if self.last_at is None or at > self.last_at:
            self.last_at = at
        if operation.success:
            self.successes += 1
            self.consecutive_failures = 0
            if self.last_success_at is None or at > self.last_success_at:
                self.last_success_at = at
        else:
            self.failures += 1
            self.consecutive_failures += 1
            self.last_error = operation.error or ""
            if self.last_failure_at is None or at > self.last_failure_at:
                self.last_failure_at = at
        bucket = bucket_of(duration)
        self.durations[bucket] = self.changed_durations[bucket] = self.durations.get(bucket, 0) + 1

    def committed(self) -> None:
        super().committed()
        self.changed_durations = {}

    @classmethod
    def of_hashes(cls, fields: dict[bytes, bytes], durations: dict[bytes, bytes]) -> ActionStatistics:
        """From the two hashes; raises ValueError for hashes that no commit writes."""
        self = cls()
        self._fill(fields)
        if self.total_executions and None in (
            self.duration_ms_min,
            self.duration_ms_max,
            self.first_at,
            self.last_at,
        ):
            raise ValueError(f"expected minima and maxima of {self.total_executions} executions, found {fields}")
        self.durations = {_integer(bound): _integer(count) for bound, count in durations.items()}
        return self


_action_values: attrgetter[tuple[_Value, ...]] = attrgetter(*ActionStatistics.FIELDS)


class ScannerStatistics(_Statistics):
    """`{ns}:scanner:<scanner_id>`. `actions` counts cleanups by the name of their action, and `changed_actions` holds
    the counts that the next commit has to write."""

    FIELDS = ("total_cleanups", "successes", "failures", "last_at", "last_error", "last_entry_id")
    __slots__ = (*FIELDS, "actions", "changed_actions")

    def __init__(self) -> None:
        super().__init__()
        self.total_cleanups = 0
        self.successes = 0
        self.failures = 0
        self.last_at: int | None = None
        self.last_error: str | None = None
        self.last_entry_id = ""
        self.actions: dict[str, int] = {}
        self.changed_actions: dict[str, int] = {}

    def values(self) -> tuple[_Value, ...]:
        return _scanner_values(self)

    def clean(self, operation: CleanupExecuted) -> None:
        """Count one cleanup."""
        self.total_cleanups += 1
        if operation.success:
            self.successes += 1
        else:
            self.failures += 1
            self.last_error = operation.error or ""
        if self.last_at is None or operation.executed_at > self.last_at:
            self.last_at = operation.executed_at
        name = operation.action
        if name not in self.actions and len(self.actions) - (OTHER_ACTIONS in self.actions) >= MAX_CLEANUP_ACTIONS:
            name = OTHER_ACTIONS
        self.actions[name] = self.changed_actions[name] = self.actions.get(name, 0) + 1

    def fields(self) -> dict[str, int | str]:
        """The hash."""
        return super().fields() | {f"action:{name}": count for name, count in self.actions.items()}

    def changes(self) -> Iterable[tuple[str, _Value]]:
        return chain(super().changes(), ((f"action:{name}", count) for name, count in self.changed_actions.items()))

    def committed(self) -> None:
        super().committed()
        self.changed_actions = {}

    @classmethod
    def of_hash(cls, fields: dict[bytes, bytes]) -> ScannerStatistics:
        """From the hash; raises ValueError for a hash that no commit writes."""
        self = cls()
        self._fill({name: value for name, value in fields.items() if not name.startswith(_COUNT)})
        self.actions = {
            name.removeprefix(_COUNT).decode(): _integer(value)
            for name, value in fields.items()
            if name.startswith(_COUNT)
        }
        return self


_scanner_values: attrgetter[tuple[_Value, ...]] = attrgetter(*ScannerStatistics.FIELDS)


def _integer(text: bytes) -> int:
    if not text.isdigit():
        raise ValueError(f"expected a number, found {text!r}")
    return int(text)
