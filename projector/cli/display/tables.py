"""Tables of records and statistics. Where there is no room they leave out columns, and cut texts to the line."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from projector.answers.wording.amounts import ago, clock_time, duration, size
from projector.cli.display.wording import visible
from projector.cli.options import View
from projector.query import ActionStats
from projector.query.overview import NamespaceStanding
from projector.query.questions.trail import Deed
from projector.query.remarks import outcome, state, who
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord

FAILURE = "red"
_GAP = 2
"""Blanks between columns."""
_RANDOM = re.compile(r"[0-9a-f-]{16,}")
_BEGINNING = 8
_READABLE = 28
"""What is kept of a text, at least, before a table makes room for columns that can be left out."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and what it shows of a record.

    A column of `text` gives way where there is no room; the others are never cut. A `wide` column shows if there is
    room for it, and if it says anything.
    """

    heading: str
    show: Callable[[Any, View], str | Text]
    number: bool = False
    text: bool = False
    wide: bool = False


def table_of(columns: Sequence[Column], records: Sequence[Any], view: View, *, width: int) -> Table:
    """`records`, a line each, for a terminal of `width` columns."""
    cells = {column: [column.show(record, view) for record in records] for column in columns}
    whole = {column: max(cell_len(str(each)) for each in (column.heading, *cells[column])) for column in columns}

    def least(shown: Sequence[Column], *, readable: float) -> int:
        kept = (min(whole[column], readable) if column.text else whole[column] for column in shown)
        return int(sum(kept)) + _GAP * (len(shown) - 1)

    shown = [column for column in columns if not column.wide]
    for column in (column for column in columns if column.wide):
        if not view.wide and all(str(each) == "–" for each in cells[column]):
            continue
        if not view.wide and least([*shown, column], readable=math.inf if view.no_trunc else _READABLE) > width:
            break
        shown.append(column)
    shown.sort(key=columns.index)
    table = grid(show_header=True)
    if view.wide and least(shown, readable=_READABLE) > width:
        table.width = least(shown, readable=_READABLE)
    for column in shown:
        # rich narrows the widest of those that may wrap first; their cells cut or fold themselves.
        table.add_column(column.heading, no_wrap=not column.text, justify="right" if column.number else "left")
    for row in zip(*(cells[column] for column in shown), strict=True):
        table.add_row(*row)
    return table


def beside_namespace(columns: Sequence[Column], records: Sequence[Any]) -> Sequence[Column]:
    """`columns` behind one with the namespace that each of `records` is from, if they are each from one."""
    if columns[0] == _NAMESPACE or not all(hasattr(record, "namespace") for record in records):
        return columns
    return (_NAMESPACE, *columns)


def grid(*, show_header: bool = False) -> Table:
    """A table without lines, two blanks between its columns."""
    return Table(box=None, show_header=show_header, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")


def cell(text: str | None, view: View, *, style: str = "") -> Text:
    """A text from the log, literal: cut with … where there is no room, or folded."""
    whole = view.no_trunc
    return Text(visible(text or "–"), style=style, no_wrap=not whole, overflow="fold" if whole else "ellipsis")


def failed_cell(count: int) -> Text:
    """How many failed; red if any did."""
    return Text(f"{count:,}", style=FAILURE if count else "")


def state_cell(stats: ActionStats, view: View) -> Text:
    """How the latest run of an action ended; red if it failed."""
    return cell(state(stats), view, style=FAILURE if stats.consecutive_failures else "")


def pairs(*rows: tuple[str, str | Text | None]) -> Table:
    """Names and what they are, a line each; a name with None is left out."""
    table = grid()
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, value in rows:
        if value is not None:
            table.add_row(name, value)
    return table


def _text(name: str) -> Callable[[Any, View], Text]:
    """Shows the text that stands in the field `name`."""
    return lambda record, view: cell(getattr(record, name), view)


def _took(name: str) -> Callable[[ActionStats, View], str]:
    """Shows the duration in the field `name`; runs that somebody resolved have none."""
    return lambda stats, _: duration(None if stats.total_executions == stats.resolved else getattr(stats, name))


def _run_of(deed: Deed) -> str | None:
    return " ".join(filter(None, (deed.run_action_id, deed.execution_id))) or None


def _projector(standing: NamespaceStanding, view: View) -> Text:
    if standing.lease_holder is None:
        return Text("none", "yellow")
    return cell(standing.lease_holder, view)


def _elapsed(record: InFlightRecord, view: View, *, late: bool = False) -> Text:
    return Text(duration(max(0, view.now - record.started_at)), FAILURE if late else "")


def _from(record: Any, view: View) -> Text:
    """The namespace of a record; of a kind of failure that is in several, the first."""
    first, *others = record.namespace.split(", ")
    whole = view.wide or view.no_trunc or not others
    return cell(record.namespace if whole else f"{first} +{len(others)}", view)


_NAMESPACE = Column("Namespace", _from, text=True)
_WHEN = Column("When", lambda record, view: ago(record.timestamp, view.now))
_AT = Column("At", lambda record, view: clock_time(record.timestamp, utc=view.utc), wide=True)
_ENTRY = Column("Entry", _text("entry_id"), wide=True)


def _ended(record: ActionExecutionRecord, view: View) -> Text:
    told = outcome(record.success, record.error, orphaned=record.orphaned, resolved=record.resolved)
    return cell(told, view, style="" if record.success else FAILURE)


def _failed(record: ActionExecutionRecord, view: View) -> Text:
    """The error alone; but a run presumed dead has none, only a reason to presume so."""
    return _ended(record, view) if record.orphaned else cell(record.error, view, style=FAILURE)


def _done(record: CleanupRecord, view: View) -> Text:
    return cell(outcome(record.success, record.error), view, style="" if record.success else FAILURE)


def _run(record: ActionExecutionRecord, view: View) -> Text:
    """What `projector show` takes; of a random id the beginning is enough, and there is room for it."""
    found = record.execution_id or record.entry_id
    whole = view.wide or view.no_trunc or not _RANDOM.fullmatch(found)
    return cell(found if whole else found[:_BEGINNING], view)


_EXECUTION = (
    _WHEN,
    Column("Run", _run, text=True),
    Column("Action", _text("action_id"), text=True),
    Column("Took", lambda record, _: duration(record.duration_ms), number=True),
    Column("Source", _text("source"), text=True),
)
_WHO = Column("Who", lambda record, view: cell(who(record.labels, record.by), view), text=True, wide=True)
_COMMAND = Column("Command", _text("command"), text=True, wide=True)
_DETAILS = (_WHO, _COMMAND, _AT, _ENTRY)
EXECUTIONS = (*_EXECUTION, Column("Result", _ended, text=True), *_DETAILS)
FAILURES = (
    *_EXECUTION,
    Column("Error", _failed, text=True),
    *_DETAILS,
)
CLEANUPS = (
    _WHEN,
    Column("Scanner", _text("scanner_id"), text=True),
    Column("Did", _text("action"), text=True),
    Column("Resource", _text("resource_id"), text=True),
    Column("Result", _done, text=True),
    _WHO,
    _AT,
    Column("Run", _text("execution_id"), text=True, wide=True),
    _ENTRY,
)
DEEDS = (
    _WHEN,
    Column("Did", _text("action"), text=True),
    Column("Resource", _text("resource_id"), text=True),
    Column("Scanner", _text("scanner_id"), text=True),
    replace(_WHO, wide=False),
    Column("Run", lambda deed, view: cell(_run_of(deed), view), text=True),
    Column("Result", _done, text=True),
    _AT,
    _ENTRY,
)
"""For records of the type `Deed`."""
ACTIONS = (
    Column("Action", _text("action_id"), text=True),
    Column("Runs", lambda stats, _: f"{stats.total_executions:,}", number=True),
    Column("Failed", lambda stats, _: failed_cell(stats.failures), number=True),
    Column("p50", lambda stats, _: duration(stats.p50_duration_ms), number=True),
    Column("p95", lambda stats, _: duration(stats.p95_duration_ms), number=True),
    Column("Average", _took("avg_duration_ms"), number=True, wide=True),
    Column("Shortest", _took("duration_ms_min"), number=True, wide=True),
    Column("Longest", _took("duration_ms_max"), number=True, wide=True),
    Column("Last", lambda stats, view: "–" if stats.last_at is None else ago(stats.last_at, view.now)),
    Column("State", state_cell, text=True),
)
_RUN = (
    Column("Action", _text("action_id"), text=True),
    Column("Source", _text("source"), text=True),
    Column("Type", _text("execution_type"), text=True),
    Column("Run", _text("execution_id"), text=True),
    Column("Since", lambda record, view: clock_time(record.started_at, utc=view.utc), wide=True),
    Column("By", _text("by"), text=True, wide=True),
    _ENTRY,
)
ORPHANS = (Column("For", _elapsed, number=True), *_RUN)
IN_FLIGHT = (
    Column("For", lambda run, view: _elapsed(run, view, late=run.overdue), number=True),
    Column("p95", lambda run, _: duration(run.p95_duration_ms), number=True),
    *_RUN,
)
"""For records of the type `Running`."""
KINDS = (
    Column("", lambda kind, _: Text("NEW", FAILURE) if kind.new else Text("")),
    Column("Count", lambda kind, _: f"{kind.count:,}", number=True),
    Column("Last", lambda kind, view: ago(kind.last_at, view.now)),
    Column("Action", _text("action_id"), text=True),
    Column("Kind", _text("kind"), text=True),
    Column("First", lambda kind, view: ago(kind.first_at, view.now), wide=True),
    Column("Example", _text("example"), text=True, wide=True),
    Column("Entry", _text("last_entry_id"), wide=True),
)
STANDINGS = (
    _NAMESPACE,
    Column("Projector", _projector, text=True),
    Column("Waiting", lambda each, _: "?" if each.lag is None else f"{each.lag:,}", number=True),
    Column("Entries", lambda each, _: f"{each.entries:,}", number=True),
    Column("Missing", lambda each, _: failed_cell(each.missing), number=True),
    Column("Memory", lambda each, _: size(each.memory), number=True),
)
"""For records of the type `NamespaceStanding`."""
QUARANTINE = (
    Column("When", lambda entry, view: ago(entry.at, view.now)),
    Column("Entry", _text("entry_id")),
    Column("By", _text("by"), text=True),
    Column("Reason", _text("reason"), text=True),
)
