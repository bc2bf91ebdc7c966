"""The answers of a query besides records. Times are epoch milliseconds, durations milliseconds, all integers."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from producer.text.moment import datetime_of
from projector.entry_id import milliseconds_of

_Text = Annotated[str | None, AfterValidator(lambda text: text or None)]
_R = TypeVar("_R")


class Records(list[_R]):
    """A list of records, the latest first, that tells how far back it reaches.

    `complete`: no record like these is older than what is here; none was cut off by the limit or pushed out by a
    bound. Otherwise all are here that were written since `since`, epoch ms by the server's clock (None: not known).
    """

    def __init__(self, records: Iterable[_R] = (), *, complete: bool = True, since: int | None = None) -> None:
        super().__init__(records)
        self.complete = complete
        self.since = since


@dataclass(frozen=True, slots=True)
class ActionStats:
    """The statistics of one action; zeros and None for an action that was never seen.

    `last_error` is None also if the last failure came without a text. `last_entry_id` is the WAL entry that changed
    these statistics last. `running` runs are in flight. `success_rate`, from 0 to 1, is that of the runs that ended.
    Of several namespaces, `consecutive_failures` and `last_entry_id` are those of the one that saw the action last,
    and `last_error` is of the one in which it failed last: exact over partitions, as an action is in one of them.
    Half of them took `p50_duration_ms` at most, and so on; these come from a histogram, and are within 1.6 %.
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
    resolved: int = 0
    running: int = 0
    success_rate: float | None = None
    p50_duration_ms: int | None = None
    p90_duration_ms: int | None = None
    p95_duration_ms: int | None = None
    p99_duration_ms: int | None = None


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
    (None: not known). `lease_holder` is the active projector's token and `lease_ttl_ms` the rest of its
    lease, None if no projector is active: a lease without end is nobody's. `missing` operations never arrived,
    `duplicates` came twice and counted once. Of the `entries`, `trimmed` are no longer in the log, and `lost`
    are lost for ever, as somebody has accepted. `torn`: the last commit was cut off half written. `archive_head` is
    the hash of the archive's newest manifest, and `archive_last_id` the last entry archived, as the log tells.
    Of several namespaces counts add up, `checkpoint` and archive are None, and what differs is None. `lag` is None if
    one is not known, `lease_ttl_ms` the shortest, or None if one has no active projector.
    In `room_seconds` the server's memory is full at the present rate (None: it has no limit, nothing grows, or nobody
    asked).
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
    lost: int
    in_flight_replaced: int
    in_flight_evicted: int
    actions_evicted: int
    schema: str | None
    config: Mapping[str, object] | None
    torn: bool
    archive_head: str | None
    archive_last_id: str | None
    room_seconds: int | None


@dataclass(frozen=True, slots=True)
class LastVerified:
    """What the last `projector verify` of a namespace found, `at` then by the server's clock.

    The log was folded up to the entry `entry_id` (0-0: nothing was projected yet), which made `entries`. `moved`: the
    projection went on meanwhile. `by` is who ran it, and where. A rebuild since then is not told.
    """

    at: int
    entry_id: str
    entries: int
    identical: bool
    moved: bool
    by: str


@dataclass(frozen=True, slots=True)
class ProducerStanding:
    """How far the projection is with the producer `by`: `seq` is its highest number, `entry_id` its latest entry.

    `missing` numbers never arrived, in `gaps`, from and to, of which only the first 20 are here; those up to
    `accepted` (0: none) somebody has accepted. `alive`: its heart beats, as it does only while a run of it is open.
    """

    by: str
    namespace: str
    seq: int
    missing: int
    gaps: list[tuple[int, int]]
    accepted: int
    entry_id: str
    alive: bool

    @property
    def at(self) -> datetime:
        """When its latest entry was written, in UTC, by the server's clock."""
        return datetime_of(milliseconds_of(self.entry_id))
