"""The records of the projection. In Redis each is a JSON object with every field in this order, absent ones `null`.

The fold writes them (`projector/fold/record.py`), the query library reads them (`projector/query/record_reader.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActionExecutionRecord:
    """A run that ended, at `timestamp`. `source`, `execution_type` and `started_at` are None if its start is not
    known. Its output is in the log, in entry `entry_id`."""

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
    """A cleanup that a scanner executed at `timestamp`."""

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
    """A run that has started and not ended. `entry_id` is the WAL entry of its start, or among the orphans the entry
    that presumed it dead."""

    action_id: str
    source: str
    execution_type: str
    started_at: int
    execution_id: str | None
    by: str | None
    heartbeats: bool
    entry_id: str
