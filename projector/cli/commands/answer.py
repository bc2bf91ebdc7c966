"""How the reading commands answer: one JSON document, or a report for a person."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from producer.terminal.options import LogAddress
from producer.terminal.stdout import write, write_json

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.query import Query, Status
    from projector.records import InFlightRecord


def now_ms() -> int:
    """Epoch ms by this machine's clock."""
    return int(time.time() * 1000)


def open_query(log: LogAddress) -> Query:
    from projector.query import Query

    return Query(log.location.url, log.namespace)


def answer(query: Query, document: Any, as_json: bool, fill: Callable[[Report], None]) -> None:
    """Write `document` as JSON, or else the report that `fill` fills."""
    if as_json:
        write_json(document)
    else:
        write_report(query.status(), fill)


def write_report(status: Status, fill: Callable[[Report], None]) -> None:
    """Write the report that `fill` fills, with the notice that `status` gives rise to."""
    from projector.cli.display.report import Report

    report = Report(status, now=now_ms())
    fill(report)
    write(report.text())


def usual_durations(query: Query, records: Sequence[InFlightRecord]) -> dict[str, int]:
    """The p95 (ms) of the durations of each action that `records` are runs of."""
    return query.duration_percentiles(record.action_id for record in records)
