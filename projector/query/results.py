"""What a query answers besides records. Times are epoch milliseconds, durations milliseconds, all integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ActionStats", "ScannerStats", "Status", "Totals"]


@dataclass(frozen=True, slots=True)
class ActionStats:
    """One action's statistics; zeros and None for one never seen.

    `last_error` is None also where the last failure came without a text. `last_entry_id` is the WAL entry that
    changed these statistics last.
    """

    action_id: str
    total_executions: int
    successes: int
    failures: int
    orphaned: int
    avg_duration_ms: int
    duration_ms_sum: int
    duration_ms_min: int
    duration_ms_max: int
    first_at: int | None
    last_at: int | None
    last_success_at: int | None
    last_failure_at: int | None
    last_error: str | None
    consecutive_failures: int
    last_entry_id: str | None


@dataclass(frozen=True, slots=True)
class ScannerStats:
    """One scanner's statistics; zeros and None for one never seen. `actions`: how often it did what."""

    scanner_id: str
    total_cleanups: int
    successes: int
    failures: int
    last_at: int | None
    last_error: str | None
    last_entry_id: str | None
    actions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts for the life of the log."""

    total_executions: int
    successes: int
    failures: int
    orphaned: int
    cleanups: int
    cleanup_failures: int


@dataclass(frozen=True, slots=True)
class Status:
    """Where the projection stands, and what went wrong on the way.

    `checkpoint` is the WAL entry up to which the projection is complete (None: nothing was projected yet),
    `entries` how many entries that were, `wal_length` how many stand in the log now, `lag` how many wait (None
    where the log does not tell). `lease_holder` is the active projector's token, `lease_ttl_ms` what its lease
    has left; both None when no projector is active. `missing` operations never arrived, `duplicates` came twice
    and counted once. `torn`: a commit was cut off half written.
    """

    namespace: str
    checkpoint: str | None
    entries: int
    wal_length: int
    lag: int | None
    lease_holder: str | None
    lease_ttl_ms: int | None
    in_flight: int
    orphans: int
    quarantined: int
    duplicates: int
    missing: int
    trimmed: int
    in_flight_replaced: int
    in_flight_evicted: int
    actions_evicted: int
    schema: str | None
    config: Mapping[str, object] | None
    torn: bool
