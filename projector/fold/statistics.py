"""What is counted of an action and of a scanner. Averages floor; times are minima and maxima."""

from __future__ import annotations

from producer.operations import ActionExecutionCompleted, CleanupExecuted
from projector.fold.histogram import bucket_of

__all__ = ["MAX_CLEANUP_ACTIONS", "OTHER_ACTIONS", "ActionStatistics", "ScannerStatistics"]

MAX_CLEANUP_ACTIONS = 100
"""Names of cleanup actions that a scanner counts one by one; the rest are counted under OTHER_ACTIONS."""
OTHER_ACTIONS = "(other)"


class ActionStatistics:
    """`{ns}:action:<action_id>` and `{ns}:durations:<action_id>`."""

    __slots__ = (
        "buckets",
        "consecutive_failures",
        "duration_ms_max",
        "duration_ms_min",
        "duration_ms_sum",
        "durations",
        "failures",
        "first_at",
        "last_at",
        "last_entry_id",
        "last_error",
        "last_failure_at",
        "last_success_at",
        "orphaned",
        "successes",
        "total_executions",
    )

    def __init__(self) -> None:
        self.total_executions = 0
        self.successes = 0
        self.failures = 0
        self.orphaned = 0
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
        self.buckets: set[int] = set()  # those of `durations` that changed since the last commit

    def complete(self, operation: ActionExecutionCompleted) -> None:
        """Count one run that ended."""
        duration, at = operation.duration_ms, operation.completed_at
        self.total_executions += 1
        self.duration_ms_sum += duration
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
        self.durations[bucket] = self.durations.get(bucket, 0) + 1
        self.buckets.add(bucket)

    def fields(self) -> dict[str, str | int]:
        """The hash, absent values left out."""
        fields: dict[str, str | int | None] = {
            "total_executions": self.total_executions,
            "successes": self.successes,
            "failures": self.failures,
            "orphaned": self.orphaned,
            "avg_duration_ms": self.duration_ms_sum // self.total_executions if self.total_executions else 0,
            "duration_ms_sum": self.duration_ms_sum,
            "duration_ms_min": self.duration_ms_min,
            "duration_ms_max": self.duration_ms_max,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "last_success_at": self.last_success_at,
            "last_failure_at": self.last_failure_at,
            "last_error": self.last_error,
            "consecutive_failures": self.consecutive_failures,
            "last_entry_id": self.last_entry_id,
        }
        return {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def of_fields(cls, fields: dict[bytes, bytes], durations: dict[bytes, bytes]) -> ActionStatistics:
        """From the two hashes; raises ValueError for what is no integer."""
        self = cls()
        for name, value in fields.items():
            text = name.decode()
            if text in ("last_error", "last_entry_id"):
                setattr(self, text, value.decode())
            elif text != "avg_duration_ms":
                setattr(self, text, int(value))
        self.durations = {int(bound): int(count) for bound, count in durations.items()}
        return self


class ScannerStatistics:
    """`{ns}:scanner:<scanner_id>`; `actions` counts what was done, by name."""

    __slots__ = ("actions", "failures", "last_at", "last_entry_id", "last_error", "successes", "total_cleanups")

    def __init__(self) -> None:
        self.total_cleanups = 0
        self.successes = 0
        self.failures = 0
        self.last_at: int | None = None
        self.last_error: str | None = None
        self.last_entry_id = ""
        self.actions: dict[str, int] = {}

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
        self.actions[name] = self.actions.get(name, 0) + 1

    def fields(self) -> dict[str, str | int]:
        """The hash, absent values left out."""
        fields: dict[str, str | int | None] = {
            "total_cleanups": self.total_cleanups,
            "successes": self.successes,
            "failures": self.failures,
            "last_at": self.last_at,
            "last_error": self.last_error,
            "last_entry_id": self.last_entry_id,
        }
        present = {name: value for name, value in fields.items() if value is not None}
        return present | {f"action:{name}": count for name, count in self.actions.items()}

    @classmethod
    def of_fields(cls, fields: dict[bytes, bytes]) -> ScannerStatistics:
        """From the hash; raises ValueError for what is no integer."""
        self = cls()
        for name, value in fields.items():
            text = name.decode()
            if text.startswith("action:"):
                self.actions[text.removeprefix("action:")] = int(value)
            elif text in ("last_error", "last_entry_id"):
                setattr(self, text, value.decode())
            else:
                setattr(self, text, int(value))
        return self
