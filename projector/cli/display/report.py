"""What the reading commands print: tables under titles, and at the end what to know about the projector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from projector.cli.display.durations import ago, clock_time, duration
from projector.cli.display.page import page, page_console
from projector.cli.display.tables import (
    ACTIONS,
    CLEANUPS,
    EXECUTIONS,
    FAILURE,
    FAILURES,
    Column,
    cell,
    grid,
    in_flight_columns,
    pairs,
    state_cell,
    table_of,
)
from projector.cli.display.visible import visible
from projector.query import ActionStats, Status, Totals
from projector.query.remarks import is_overdue, notice, waiting_entries, why_nothing
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord


class Report:
    """Collects what is to be printed; `text()` renders it, coloured and as wide as standard output is.

    `now` is the moment, in epoch ms, that relative times are told from.
    """

    def __init__(self, status: Status, *, now: int, width: int | None = None) -> None:
        self._status = status
        self._now = now
        self._console = page_console(width)
        self._parts: list[RenderableType] = []

    def text(self) -> str:
        found = notice(self._status)
        parts = self._parts if found is None else [*self._parts, "", Text(found, style="yellow")]
        return page(*parts, console=self._console)

    # -- what there is to print --

    def totals(self, totals: Totals) -> None:
        if not (totals.total_executions or totals.cleanups or self._status.in_flight):
            self._parts.append(Text(why_nothing(self._status, "nothing has ended yet")))
            return
        executions = [_share(totals.failures, totals.total_executions, "failed")]
        if self._status.in_flight:
            executions.append(Text(f"{self._status.in_flight:,} running"))
        if self._status.orphans:
            executions.append(Text(f"{self._status.orphans:,} presumed dead", style=FAILURE))
        table = grid()
        table.add_column(style="bold")
        table.add_column(justify="right")
        table.add_column()
        table.add_row("Executions", f"{totals.total_executions:,}", Text(", ").join(executions))
        failed = _share(totals.cleanup_failures, totals.cleanups, "failed")
        table.add_row("Cleanups", f"{totals.cleanups:,}", failed)
        self._parts.append(table)

    def actions(self, actions: Sequence[ActionStats], *, limit: int) -> None:
        title = "Actions" if len(actions) <= limit else f"Actions ({limit:,} of {len(actions):,}, the latest)"
        if actions:
            self._table(ACTIONS, actions[:limit], title)

    def action(self, stats: ActionStats, *, p95: int | None = None) -> None:
        now = self._now
        rows: list[tuple[str, str | Text]] = [
            ("Action", visible(stats.action_id)),
            ("State", state_cell(stats)),
            ("Executions", Text(f"{stats.total_executions:,}, ") + _share(stats.failures, stats.total_executions)),
            ("Duration", _durations(stats, p95)),
            ("Last success", _moment(stats.last_success_at, now)),
            ("Last failure", _moment(stats.last_failure_at, now)),
            ("First seen", _moment(stats.first_at, now)),
        ]
        if stats.orphaned:
            rows.insert(3, ("Presumed dead", Text(f"{stats.orphaned:,}", style=FAILURE)))
        if stats.last_error and not stats.consecutive_failures:  # else the state says it
            rows.insert(-1, ("Last error", cell(stats.last_error)))
        self._parts.append(pairs(rows))

    def executions(
        self, records: Sequence[ActionExecutionRecord], *, title: str = "", none: str = "no execution has ended yet"
    ) -> None:
        self._table(EXECUTIONS, records, title, none)

    def failures(self, records: Sequence[ActionExecutionRecord]) -> None:
        self._table(FAILURES, records, none="no execution has failed")

    def cleanups(
        self, records: Sequence[CleanupRecord], *, title: str = "", none: str = "nothing has been cleaned up yet"
    ) -> None:
        self._table(CLEANUPS, records, title, none)

    def in_flight(
        self, records: Sequence[InFlightRecord], *, usual: Mapping[str, int] | None = None, title: str = ""
    ) -> None:
        """`usual`: the p95 (ms) of the durations of each action, which longer runs stand out against."""
        self._table(in_flight_columns(usual), records, title, "nothing runs")

    def overdue(self, records: Sequence[InFlightRecord], *, usual: Mapping[str, int]) -> None:
        """Of what runs, what has taken longer than 95 % of its action's runs did; nothing where there is none."""
        if late := [record for record in records if is_overdue(record, now=self._now, usual=usual)]:
            self.in_flight(late, usual=usual, title="Running for longer than usual")

    def status(self) -> None:
        status = self._status
        self._parts.append(
            pairs(
                [
                    ("Namespace", status.namespace),
                    ("Projector", _holder(status)),
                    ("Stands at", self._checkpoint()),
                    ("Entries", f"{status.entries:,} projected, {waiting_entries(status)}"),
                    ("Log", f"{status.wal_length:,} entries, {status.trimmed:,} trimmed"),
                    ("Running", f"{status.in_flight:,}"),
                    ("Presumed dead", _alarming(status.orphans)),
                    ("Missing", _alarming(status.missing, "numbered by their producers, and never arrived")),
                    ("Duplicates", f"{status.duplicates:,} came again, and counted once"),
                    ("Quarantined", _alarming(status.quarantined, "could not be read")),
                    ("Evicted", f"{status.in_flight_evicted:,} runs, {status.actions_evicted:,} actions"),
                    ("Replaced", f"{status.in_flight_replaced:,} runs, started again before they ended"),
                    ("Schema", visible(status.schema or "–")),
                    ("Bounds", _bounds(status)),
                ]
            )
        )

    # -- how --

    def _table(self, columns: Sequence[Column], records: Sequence[Any], title: str = "", none: str = "") -> None:
        """A table under its title; without records, why there is `none`."""
        if self._parts:
            self._parts.append("")
        if title:
            self._parts.append(Text(title, style="bold underline"))
        table = table_of(columns, records, now=self._now, width=self._console.width)
        self._parts.append(table if records else Text(why_nothing(self._status, none)))

    def _checkpoint(self) -> str:
        last_id = self._status.checkpoint
        if last_id is None:
            return "nothing projected yet"
        milliseconds = last_id.partition("-")[0]
        return f"{visible(last_id)}, {_moment(int(milliseconds), self._now)}" if milliseconds.isdecimal() else last_id


def _share(count: int, total: int, what: str = "failed") -> Text:
    percentage = f" ({100 * count / total:.1f} %)" if count and total else ""
    return Text(f"{count:,} {what}{percentage}", style=FAILURE if count else "")


def _durations(stats: ActionStats, p95: int | None) -> str:
    if not stats.total_executions:
        return "–"
    shortest, longest = duration(stats.duration_ms_min), duration(stats.duration_ms_max)
    most = "" if p95 is None else f", 95 % within {duration(p95)}"
    return f"{duration(stats.avg_duration_ms)} on average, {shortest} to {longest}{most}"


def _moment(moment: int | None, now: int) -> str:
    return "never" if moment is None else f"{ago(moment, now)}, {clock_time(moment)}"


def _holder(status: Status) -> Text:
    if status.lease_holder is None:
        return Text("none is active", style="yellow")
    left = "without end" if status.lease_ttl_ms is None else f"for another {duration(status.lease_ttl_ms)}"
    return Text(f"{visible(status.lease_holder)}, its lease lasts {left}")


def _alarming(count: int, what: str = "") -> Text:
    return Text(f"{count:,} {what}".strip(), style=FAILURE) if count else Text("0")


def _bounds(status: Status) -> str:
    return ", ".join(f"{visible(name)} {value}" for name, value in (status.config or {}).items()) or "–"
