"""The records of the projection, as they stand in Redis: JSON objects with every field, absent ones `null`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ActionExecutionRecord", "CleanupRecord", "InFlightRecord"]


@dataclass(frozen=True, slots=True)
class ActionExecutionRecord:
    """A run that ended. `timestamp` is when it completed; `source`, `execution_type` and `started_at` are None
    when its start is not known. Its output stands in the log, under `entry_id`."""

    action_id: str
    source: str | None
    execution_type: str | None
    success: bool
    duration_ms: int
    error: str | None
    timestamp: int
    execution_id: str | None
    started_at: int | None
    by: str | None
    entry_id: str


@dataclass(frozen=True, slots=True)
class CleanupRecord:
    """A cleanup that was executed at `timestamp`."""

    scanner_id: str
    resource_id: str
    action: str
    success: bool
    error: str | None
    timestamp: int
    by: str | None
    entry_id: str


@dataclass(frozen=True, slots=True)
class InFlightRecord:
    """A run that has started and not ended. `entry_id` is the WAL entry that put it where it stands: its start,
    among the orphans the operation that presumed it dead."""

    action_id: str
    source: str
    execution_type: str
    started_at: int
    execution_id: str | None
    by: str | None
    heartbeats: bool
    entry_id: str
