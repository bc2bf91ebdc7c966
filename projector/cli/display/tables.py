"""Tables of records and statistics. On a narrow terminal they leave out columns, and cut texts to the line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from projector.cli.display.durations import ago, clock_time, duration
from projector.cli.display.visible import visible
from projector.query import ActionStats
from projector.query.remarks import is_overdue, outcome, state
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord

__all__ = [
    "FAILURE",
    "actions_table",
    "cell",
    "cleanups_table",
    "executions_table",
    "in_flight_table",
    "pairs",
    "state_cell",
]

FAILURE = "red"
_WIDE = 160
"""Columns from which a table has room for wall-clock times and ids."""

_UNKNOWN = "–"


def cell(text: str, *, style: str = "") -> Text:
    """A text from the log: literal, in one line, cut with … where there is no room."""
    return Text(visible(text), style=style, no_wrap=True, overflow="ellipsis")


def executions_table(
    records: Sequence[ActionExecutionRecord], *, now: int, width: int, failures: bool = False
) -> Table:
    """Runs that ended; wide also with the wall-clock time, the run's id and its WAL entry.

    Where all are `failures` the last column has the error alone.
    """
    table = _table()
    _short(table, "When")
    _long(table, "Action", at_most=width // 4)
    _number(table, "Took")
    _long(table, "Source", at_most=width // 5)
    _long(table, "Error" if failures else "Result")
    wide = width >= _WIDE
    if wide:
        _short(table, "At")
        _long(table, "Run")
        _short(table, "Entry")
    for record in records:
        outcome = cell(record.error or _UNKNOWN, style=FAILURE) if failures else _result(record.success, record.error)
        rest = (clock_time(record.timestamp), cell(record.execution_id or _UNKNOWN), cell(record.entry_id))
        table.add_row(
            ago(record.timestamp, now),
            cell(record.action_id),
            duration(record.duration_ms),
            cell(record.source or _UNKNOWN),
            outcome,
            *(rest if wide else ()),
        )
    return table


def cleanups_table(records: Sequence[CleanupRecord], *, now: int, width: int) -> Table:
    """Cleanups; wide also with the wall-clock time and the WAL entry."""
    table = _table()
    _short(table, "When")
    _long(table, "Scanner", at_most=width // 5)
    _long(table, "Did", at_most=width // 6)
    _long(table, "Resource", at_most=width // 3)
    _long(table, "Result")
    wide = width >= _WIDE
    if wide:
        _short(table, "At")
        _short(table, "Entry")
    for record in records:
        table.add_row(
            ago(record.timestamp, now),
            cell(record.scanner_id),
            cell(record.action),
            cell(record.resource_id),
            _result(record.success, record.error),
            *((clock_time(record.timestamp), cell(record.entry_id)) if wide else ()),
        )
    return table


def in_flight_table(
    records: Sequence[InFlightRecord], *, now: int, width: int, usual: Mapping[str, int] | None
) -> Table:
    """Runs that have not ended; wide also with who recorded them, and the start's WAL entry.

    `usual`: what 95 % of an action's runs took at most; a run that takes longer stands out. None leaves that out.
    """
    table = _table()
    _number(table, "For")
    if usual is not None:
        _number(table, "p95")
    _long(table, "Action")
    _long(table, "Source")
    _long(table, "Type")
    _long(table, "Run")
    wide = width >= _WIDE
    if wide:
        _short(table, "Since")
        _long(table, "By")
        _short(table, "Entry")
    for record in records:
        rest = (clock_time(record.started_at), cell(record.by or _UNKNOWN), cell(record.entry_id))
        elapsed = duration(max(0, now - record.started_at))
        p95 = None if usual is None else usual.get(record.action_id)
        table.add_row(
            Text(elapsed, style=FAILURE if is_overdue(record, now=now, usual=usual or {}) else ""),
            *(() if usual is None else (_UNKNOWN if p95 is None else duration(p95),)),
            cell(record.action_id),
            cell(record.source),
            cell(record.execution_type),
            cell(record.execution_id or _UNKNOWN),
            *(rest if wide else ()),
        )
    return table


def actions_table(actions: Sequence[ActionStats], *, now: int, width: int) -> Table:
    """Statistics, an action a row; wide also with the shortest and longest duration."""
    table = _table()
    _long(table, "Action", at_most=width // 4)
    _number(table, "Runs")
    _number(table, "Failed")
    _number(table, "Average")
    wide = width >= _WIDE
    if wide:
        _number(table, "Shortest")
        _number(table, "Longest")
    _short(table, "Last")
    _long(table, "State")
    for stats in actions:
        extremes = (duration(stats.duration_ms_min), duration(stats.duration_ms_max))
        table.add_row(
            cell(stats.action_id),
            f"{stats.total_executions:,}",
            Text(f"{stats.failures:,}", style=FAILURE if stats.failures else ""),
            duration(stats.avg_duration_ms),
            *(extremes if wide else ()),
            _UNKNOWN if stats.last_at is None else ago(stats.last_at, now),
            state_cell(stats),
        )
    return table


def state_cell(stats: ActionStats) -> Text:
    """How the latest run of an action ended; red if it failed."""
    return cell(state(stats), style=FAILURE if stats.consecutive_failures else "")


def pairs(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and what they are, a line each."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return table


def _result(success: bool, error: str | None) -> Text:
    return cell(outcome(success, error), style="" if success else FAILURE)


def _table() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")


def _short(table: Table, name: str) -> None:
    """A column that is never cut."""
    table.add_column(name, no_wrap=True)


def _number(table: Table, name: str) -> None:
    table.add_column(name, no_wrap=True, justify="right")


def _long(table: Table, name: str, *, at_most: int | None = None) -> None:
    """A column that gives way: rich narrows the widest of these first, and their cells cut themselves."""
    table.add_column(name, max_width=at_most)
