"""The records of the projection. In Redis each is a JSON object with every field in this order, absent ones `null`.
The fields that have a default stand there only where they were given; `namespace` never does: readers are told by the
key that they read.

The fold writes them (`projector/fold/record.py`), the query library reads them (`projector/query/parsing.py`). Times
are epoch milliseconds; `at` is no field of the JSON.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from producer.text.moment import datetime_of

_R = TypeVar("_R")

NAMESPACE = "namespace"
"""The field of a record that is not stored."""


def of_namespace(record: _R, namespace: str) -> _R:
    """`record`, which is of `namespace`: told in place, because nobody else has seen it yet."""
    object.__setattr__(record, NAMESPACE, namespace)
    return record


@dataclass(frozen=True, slots=True)
class ActionExecutionRecord:
    """A run that ended, at `timestamp`. `source`, `execution_type` and `started_at` are None if its start is not
    known. Its output is in the log, in entry `entry_id`.

    A run that was presumed dead has left such a record as well, `orphaned`. The record of a run of which somebody has
    decided how it went is `resolved`. Both have no duration.
    """

    action_id: str
    source: str | None
    execution_type: str | None
    success: bool
    duration_ms: int | None
    error: str | None
    timestamp: int
    execution_id: str | None
    started_at: int | None
    by: str | None
    entry_id: str
    command: str | None = None
    attempt: int | None = None
    labels: dict[str, str] | None = None
    exit_code: int | None = None
    orphaned: bool | None = None
    resolved: bool | None = None
    namespace: str = ""

    @property
    def at(self) -> datetime:
        """`timestamp` in UTC."""
        return datetime_of(self.timestamp)


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
    execution_id: str | None = None
    labels: dict[str, str] | None = None
    namespace: str = ""

    @property
    def at(self) -> datetime:
        """`timestamp` in UTC."""
        return datetime_of(self.timestamp)


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
    command: str | None = None
    attempt: int | None = None
    labels: dict[str, str] | None = None
    namespace: str = ""

    @property
    def at(self) -> datetime:
        """`started_at` in UTC."""
        return datetime_of(self.started_at)


OTHER = "(other)"
"""The name under which is counted what has no count of its own: of the rollups, of the kinds of failure."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """What happened in a span of time, by the log's own time: `runs` that ended, and how many of them failed.

    `orphans` are runs that were presumed dead, whether or not they ended later. `durations` counts runs by the
    inclusive upper bound of a bucket in ms, 8 to a power of two; a run that somebody resolved has no duration.
    """

    runs: int
    failures: int
    orphans: int
    duration_ms_sum: int
    duration_ms_max: int
    durations: dict[int, int]


@dataclass(frozen=True, slots=True)
class FailureKind:
    """Failures of one action whose errors differ in no more than numbers, ids, paths and the like.

    `first_at` and `last_at` are the earliest and the latest of their times; `example` is the error of the latest by
    the log, its first 512 bytes.
    """

    count: int
    first_at: int
    last_at: int
    first_entry_id: str
    last_entry_id: str
    example: str
