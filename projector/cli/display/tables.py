"""Tables of records and statistics. On a narrow terminal they leave out columns, and cut texts to the line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from projector.cli.display.durations import ago, clock_time, duration
from projector.cli.display.visible import visible
from projector.query import ActionStats
from projector.query.remarks import is_overdue, outcome, state
from projector.records import InFlightRecord

FAILURE = "red"
_WIDE = 160
"""Columns of a terminal from which a table has room for wall-clock times and ids."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and what it shows of a record at the moment `now` (epoch ms).

    A column with a `share` has at most that part of the terminal (4: a quarter), and gives way where there is no
    room; the others are never cut. A `wide` column shows on a wide terminal only.
    """

    heading: str
    show: Callable[[Any, int], str | Text]
    number: bool = False
    share: int | None = None
    wide: bool = False


def table_of(columns: Sequence[Column], records: Sequence[Any], *, now: int, width: int) -> Table:
    """`records`, a line each, for a terminal of `width` columns."""
    table = grid(show_header=True)
    shown = [column for column in columns if width >= _WIDE or not column.wide]
    for column in shown:
        table.add_column(
            column.heading,
            no_wrap=column.share is None,
            justify="right" if column.number else "left",
            # rich narrows the widest of those that may wrap first, and their cells cut themselves.
            max_width=width // column.share if column.share else None,
        )
    for record in records:
        table.add_row(*(column.show(record, now) for column in shown))
    return table


def grid(*, show_header: bool = False) -> Table:
    """A table without lines, two blanks between its columns."""
    return Table(box=None, show_header=show_header, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")


def cell(text: str | None, *, style: str = "") -> Text:
    """A text from the log: literal, in one line, cut with … where there is no room."""
    return Text(visible(text or "–"), style=style, no_wrap=True, overflow="ellipsis")


def state_cell(stats: ActionStats) -> Text:
    """How the latest run of an action ended; red if it failed."""
    return cell(state(stats), style=FAILURE if stats.consecutive_failures else "")


def pairs(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and what they are, a line each."""
    table = grid()
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return table


def _text(name: str) -> Callable[[Any, int], Text]:
    """Shows the text that stands in the field `name`."""
    return lambda record, _now: cell(getattr(record, name))


_WHEN = Column("When", lambda record, now: ago(record.timestamp, now))
_AT = Column("At", lambda record, _: clock_time(record.timestamp), wide=True)
_ENTRY = Column("Entry", _text("entry_id"), wide=True)
_RESULT = Column(
    "Result",
    lambda record, _: cell(outcome(record.success, record.error), style="" if record.success else FAILURE),
    share=1,
)

_EXECUTION = (
    _WHEN,
    Column("Action", _text("action_id"), share=4),
    Column("Took", lambda record, _: duration(record.duration_ms), number=True),
    Column("Source", _text("source"), share=5),
)
_DETAILS = (_AT, Column("Run", _text("execution_id"), share=1, wide=True), _ENTRY)
EXECUTIONS = (*_EXECUTION, _RESULT, *_DETAILS)
FAILURES = (
    *_EXECUTION,
    Column("Error", lambda record, _: cell(record.error, style=FAILURE), share=1),
    *_DETAILS,
)
CLEANUPS = (
    _WHEN,
    Column("Scanner", _text("scanner_id"), share=5),
    Column("Did", _text("action"), share=6),
    Column("Resource", _text("resource_id"), share=3),
    _RESULT,
    _AT,
    _ENTRY,
)
ACTIONS = (
    Column("Action", _text("action_id"), share=4),
    Column("Runs", lambda stats, _: f"{stats.total_executions:,}", number=True),
    Column("Failed", lambda stats, _: Text(f"{stats.failures:,}", FAILURE if stats.failures else ""), number=True),
    Column("Average", lambda stats, _: duration(stats.avg_duration_ms), number=True),
    Column("Shortest", lambda stats, _: duration(stats.duration_ms_min), number=True, wide=True),
    Column("Longest", lambda stats, _: duration(stats.duration_ms_max), number=True, wide=True),
    Column("Last", lambda stats, now: "–" if stats.last_at is None else ago(stats.last_at, now)),
    Column("State", lambda stats, _: state_cell(stats), share=1),
)
QUARANTINE = (
    Column("When", lambda entry, now: ago(entry.at, now)),
    Column("Entry", _text("entry_id")),
    Column("By", _text("by"), share=1),
    Column("Reason", _text("reason"), share=1),
)


def in_flight_columns(usual: Mapping[str, int] | None) -> tuple[Column, ...]:
    """The columns of runs that have not ended.

    `usual` is the p95 (ms) of the durations of each action: a run that takes longer is red. None leaves it out.
    """

    def elapsed(record: InFlightRecord, now: int) -> Text:
        style = FAILURE if is_overdue(record, now=now, usual=usual or {}) else ""
        return Text(duration(max(0, now - record.started_at)), style)

    def p95(record: InFlightRecord, _now: int) -> str:
        found = (usual or {}).get(record.action_id)
        return "–" if found is None else duration(found)

    return (
        Column("For", elapsed, number=True),
        *([] if usual is None else [Column("p95", p95, number=True)]),
        Column("Action", _text("action_id"), share=1),
        Column("Source", _text("source"), share=1),
        Column("Type", _text("execution_type"), share=1),
        Column("Run", _text("execution_id"), share=1),
        Column("Since", lambda record, _: clock_time(record.started_at), wide=True),
        Column("By", _text("by"), share=1, wide=True),
        _ENTRY,
    )
