"""A history drawn with bars, each bucket beside the one a week before; and this week beside the last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.table import Table
from rich.text import Text

from projector.answers.wording.amounts import duration
from projector.cli.display.history.bars import bar
from projector.cli.display.tables import failed_cell, grid
from projector.query.questions.history import WEEK_MS, History, Point

_FORMATS = {"minute": "%H:%M", "hour": "%m-%d %H:%M", "day": "%a %m-%d"}
_SHORTEST, _LONGEST = 6, 40
"""Columns of a bar."""
_WIDE = 80
"""Columns of a terminal that also has room for failures and p95 of a week before."""


@dataclass(frozen=True, slots=True)
class Bars:
    """A line for each point of `history`, with the runs presumed dead if there were any; `before` has those of a week
    before, if they are kept."""

    history: History
    before: History | None
    utc: bool

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Table]:
        points = self.history.points
        most = max((point.runs for point in points), default=0)
        earlier = {} if self.before is None else {point.start + WEEK_MS: point for point in _kept(self.before)}
        shown = 4 if self.before is None else 5 if options.max_width < _WIDE else 7
        headings = ["When", "Runs", "Failed", "p95", "Week ago", "Failed", "p95"][:shown]
        rows = [self._cells(point, earlier.get(point.start))[:shown] for point in points]
        if self.history.orphans:
            headings.insert(3, "Dead")
            for point, row in zip(points, rows, strict=True):
                row.insert(3, failed_cell(point.orphans))
        widths = [max(cell_len(str(each)) for each in column) for column in zip(headings, *rows, strict=True)]
        width = max(_SHORTEST, min(_LONGEST, options.max_width - sum(widths) - 2 * len(headings)))
        table = grid(show_header=True)
        table.add_column(headings[0], no_wrap=True)
        table.add_column("", no_wrap=True, min_width=width)
        for heading in headings[1:]:
            table.add_column(heading, no_wrap=True, justify="right")
        for point, (when, *cells) in zip(points, rows, strict=True):
            table.add_row(when, bar(point.runs, point.failures, most=most, width=width), *cells)
        yield table

    def _cells(self, point: Point, before: Point | None) -> list[str | Text]:
        zone = UTC if self.utc or self.history.step == "day" else None  # days are those of UTC
        when = datetime.fromtimestamp(point.start / 1000, UTC).astimezone(zone).strftime(_FORMATS[self.history.step])
        return [when, *_figures(point), *_figures(before)]


def _kept(history: History) -> Iterator[Point]:
    """The points of which nothing is missing."""
    whole_from = 0 if history.complete else history.since
    return (point for point in history.points if whole_from is not None and point.start >= whole_from)


def _figures(point: Point | None) -> tuple[str | Text, str | Text, str | Text]:
    if point is None:
        return "–", "–", "–"
    return f"{point.runs:,}", failed_cell(point.failures), duration(point.p95_duration_ms)


def weeks(this: History, last: History) -> Table:
    """Runs, how many percent of them failed, and the p95, of two weeks, and how these have changed."""
    table = grid(show_header=True)
    for heading in ("", "Runs", "Failed", "p95"):
        table.add_column(heading, no_wrap=True, justify="right" if heading else "left")
    for name, week in (("This week", this), ("Last week", last)):
        rate = "–" if week.failure_rate is None else f"{100 * week.failure_rate:.1f} %"
        table.add_row(name, f"{week.runs:,}", rate, duration(week.percentile(95)))
    rates = this.failure_rate, last.failure_rate
    points = "–" if rates[0] is None or rates[1] is None else f"{100 * (rates[0] - rates[1]):+.1f} points"
    p95 = _change(this.percentile(95), last.percentile(95))
    table.add_row("Change", _change(this.runs, last.runs), points, p95)
    return table


def _change(now: int | None, before: int | None) -> str:
    return "–" if now is None or not before else f"{100 * (now - before) / before:+.0f} %"
