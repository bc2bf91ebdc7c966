"""Answers put together for a page or a document: runs beside the usual durations of their actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from pydantic.dataclasses import dataclass

from projector.query.remarks import is_overdue
from projector.query.results import ActionStats, Totals
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord


@dataclass(frozen=True, kw_only=True)
class Running(InFlightRecord):
    """A run in flight, with the `p95_duration_ms` of its action (None: none of its runs has ended); `overdue` if it
    takes longer than that."""

    p95_duration_ms: int | None
    overdue: bool


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A namespace at a glance."""

    totals: Totals
    actions: list[ActionStats]
    in_flight: list[Running]
    orphans: list[InFlightRecord]
    recent_executions: list[ActionExecutionRecord]
    recent_cleanups: list[CleanupRecord]


@dataclass(frozen=True, kw_only=True)
class ActionOverview(ActionStats):
    """One action: its statistics, its runs in flight, and its runs that are presumed dead."""

    p95_duration_ms: int | None
    in_flight: list[Running]
    orphans: list[InFlightRecord]


def running(records: Iterable[InFlightRecord], usual: Mapping[str, int], *, now: int) -> list[Running]:
    """`records` at `now` (epoch ms) beside the `usual` durations (ms), from `Query.duration_percentiles`."""
    return [
        Running(
            **asdict(record),
            p95_duration_ms=usual.get(record.action_id),
            overdue=is_overdue(record, now=now, usual=usual),
        )
        for record in records
    ]
