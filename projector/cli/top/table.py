"""A table of the screen: as wide as there is room, with a line that the arrow keys move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from projector.answers.wording.amounts import duration
from projector.cli.display.history.bars import sparkline
from projector.cli.display.tables import FAILURE, Column, beside_namespace, cell, failed_cell, table_of
from projector.cli.options import View

RANKED = (
    Column("Action", lambda row, view: cell(row.action_id, view), text=True),
    Column("Runs", lambda row, _: f"{row.stats.total_executions:,}", number=True, wide=True),
    Column("Failed", lambda row, _: failed_cell(row.stats.failures), number=True),
    Column("12 h", lambda row, _: Text(sparkline([p.failures for p in row.history.points]), FAILURE)),
)
"""Failures of each of the last hours beside those of all time."""
SLOWEST = (
    Column("Action", lambda row, view: cell(row.action_id, view), text=True),
    Column("p95", lambda row, _: duration(row.stats.p95_duration_ms), number=True),
    Column("12 h", lambda row, _: sparkline([p.p95_duration_ms for p in row.history.points])),
)


class RecordTable(Widget, can_focus=True):
    """Shows the first `records`, as many as it has lines for; Enter opens the one at the cursor."""

    BINDINGS: ClassVar = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("enter", "open", "Open"),
    ]

    class Opened(Message):
        """Somebody wants to see all of `record`."""

        def __init__(self, record: Any) -> None:
            super().__init__()
            self.record = record

    def __init__(self, title: str, columns: Sequence[Column], *, none: str, id: str) -> None:
        super().__init__(id=id)
        self.border_title = title
        self.records: Sequence[Any] = ()
        self._columns = columns
        self._none = none
        self._cursor = 0
        self._view = View()
        self._several = False

    def show(self, records: Sequence[Any], view: View, *, several: bool) -> None:
        """`several`: the records come from several namespaces."""
        self.records, self._view, self._several = records, view, several
        self.action_move(0)

    def action_move(self, by: int) -> None:
        self._cursor = max(0, min(self._cursor + by, len(self.records) - 1))
        self.refresh()

    def action_open(self) -> None:
        if self.records:
            self.post_message(self.Opened(self.records[self._cursor]))

    def render(self) -> RenderableType:
        lines = max(1, self.size.height - 1)
        first = max(0, self._cursor - lines + 1)
        shown = self.records[first : first + lines]
        if not shown:
            return Text(self._none, style="dim")
        columns = beside_namespace(self._columns, shown) if self._several else self._columns
        table = table_of(columns, shown, self._view, width=self.size.width)
        if self.has_focus:
            table.rows[self._cursor - first].style = "reverse"
        return table
