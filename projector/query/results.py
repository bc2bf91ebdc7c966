"""The answers of a query besides records. Times are epoch milliseconds, durations milliseconds, all integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

_Text = Annotated[str | None, AfterValidator(lambda text: text or None)]


@dataclass(frozen=True, slots=True)
class ActionStats:
    """The statistics of one action; zeros and None for an action that was never seen.

    `last_error` is None also if the last failure came without a text. `last_entry_id` is the WAL entry that changed
    these statistics last.
    """

    action_id: str
    total_executions: int = 0
    successes: int = 0
    failures: int = 0
    orphaned: int = 0
    avg_duration_ms: int = 0
    duration_ms_sum: int = 0
    duration_ms_min: int = 0
    duration_ms_max: int = 0
    first_at: int | None = None
    last_at: int | None = None
    last_success_at: int | None = None
    last_failure_at: int | None = None
    last_error: _Text = None
    consecutive_failures: int = 0
    last_entry_id: _Text = None


@dataclass(frozen=True, slots=True)
class ScannerStats:
    """The statistics of one scanner; zeros and None for a scanner that was never seen.

    `actions` counts its cleanups by what they did.
    """

    scanner_id: str
    total_cleanups: int = 0
    successes: int = 0
    failures: int = 0
    last_at: int | None = None
    last_error: _Text = None
    last_entry_id: _Text = None
    actions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts for the life of the log."""

    total_executions: int = 0
    successes: int = 0
    failures: int = 0
    orphaned: int = 0
    cleanups: int = 0
    cleanup_failures: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """Where the projection stands, and what went wrong on the way there.

    `checkpoint` is the WAL entry up to which the projection is complete (None: nothing was projected yet), `entries`
    the number of entries up to it. `wal_length` is the number of entries in the log now, `lag` of those that wait
    (None: the log does not tell). `lease_holder` is the active projector's token and `lease_ttl_ms` the rest of its
    lease; both are None if no projector is active. `missing` operations never arrived, `duplicates` came twice and
    counted once. `torn`: the last commit was cut off half written.
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
