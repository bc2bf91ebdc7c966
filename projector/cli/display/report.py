"""What the reading commands print: tables under titles, and at the end what to know about the projector."""

from collections.abc import Callable, Sequence
from functools import partialmethod
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from producer.text.wording import counted
from projector.answers.wording.amounts import clock_time, duration
from projector.answers.wording.several import Several
from projector.cli.display.history.over_time import Bars, weeks
from projector.cli.display.page import page, page_console
from projector.cli.display.shown import facts_of, texts_of
from projector.cli.display.standing import all_of
from projector.cli.display.tables import (
    ACTIONS,
    CLEANUPS,
    DEEDS,
    EXECUTIONS,
    FAILURE,
    FAILURES,
    IN_FLIGHT,
    KINDS,
    ORPHANS,
    STANDINGS,
    Column,
    beside_namespace,
    cell,
    grid,
    pairs,
    state_cell,
    table_of,
)
from projector.cli.display.wording import visible, when
from projector.cli.options import View
from projector.entry_id import milliseconds_of
from projector.keys import REBUILDING
from projector.query import ActionStats, Records, Status, Totals
from projector.query.overview import NamespaceStanding, Running
from projector.query.questions.history import KEPT, History
from projector.query.questions.show import Shown
from projector.query.remarks import notice, waiting_entries, why_nothing
from projector.retention.room import room_in_words

_FIRST = {
    "recency": "latest",
    "failures": "most failures first",
    "rate": "lowest success rate first",
    "slowness": "slowest",
    "volume": "most runs first",
}
_LOST = "of the log, for ever: counted nowhere"


class Report:
    """Collects what is to be printed; `text()` renders it, coloured and as wide as standard output is.

    If `several` namespaces are read, `status` is that of all of them together.
    """

    def __init__(
        self,
        status: Status,
        view: View,
        namespaces: Callable[[], Sequence[str]],
        several: Several | None = None,
    ) -> None:
        self._status = status
        self._view = view
        self._namespaces = namespaces
        self._several = several
        self._console = page_console(view)
        self._parts: list[RenderableType] = []

    def text(self) -> str:
        found = self._several.notice() if self._several else notice(self._status)
        parts = self._parts if found is None else [*self._parts, "", Text(found, style="yellow")]
        return page(*parts, console=self._console)

    def _table(
        self, columns: Sequence[Column], records: Sequence[Any], title: str = "", *, none: str | None = None
    ) -> None:
        """The records under `title`; if there are none, why there is `none`, or nothing at all."""
        if not records and none is None:
            return
        if self._parts:
            self._parts.append("")
        if title:
            self._parts.append(Text(title, style="bold underline"))
        if self._several:
            columns = beside_namespace(columns, records)
        table = table_of(columns, records, self._view, width=self._console.width)
        self._parts.append(table if records else self._nothing(none or ""))

    def _nothing(self, otherwise: str) -> Text:
        if self._several:
            return Text(self._several.why_nothing(otherwise))
        return Text(why_nothing(self._status, otherwise, self._namespaces))

    executions = partialmethod(_table, EXECUTIONS, none="no execution has ended yet")
    failures = partialmethod(_table, FAILURES, none="no execution has failed")
    kinds = partialmethod(_table, KINDS, none="no execution has failed")
    cleanups = partialmethod(_table, CLEANUPS, none="nothing has been cleaned up yet")
    deeds = partialmethod(_table, DEEDS, none="nothing was done to it, as far as the log tells")
    in_flight = partialmethod(_table, IN_FLIGHT, none="nothing runs")
    orphans = partialmethod(_table, ORPHANS, title="Presumed dead", none="nothing is presumed dead")

    def overdue(self, runs: Sequence[Running]) -> None:
        """Those of the runs that have taken longer than 95 % of their action's runs did."""
        late = [run for run in runs if run.overdue]
        self.in_flight(late, title="Running for longer than usual", none=None)

    def reach(self, records: Records[Any], limit: int | None, since: int | None) -> None:
        """That older records were pushed out of the list, or since a time are gone from the log; nothing where the
        records are complete, or the limit has cut them."""
        if not records.complete and (limit is None or len(records) < limit):
            at = "" if records.since is None else clock_time(records.since, utc=self._view.utc)
            told = f"older ones{f', before {at},' if at else ''} were pushed out: --since goes on into the log"
            if since is not None:
                told = f"what is before {at} is no longer in the log; if it was archived: --archive WHERE"
            self._parts += ["", Text(told, style="dim")]

    def cut(self, records: Records[Any], limit: int) -> None:
        """That there are more than the `limit` that are shown."""
        if not records.complete and len(records) == limit:
            self._parts += ["", Text(f"there are more than these {limit:,}: --limit", style="dim")]

    def actions(self, actions: Sequence[ActionStats], *, limit: int, sort: str = "recency") -> None:
        cut = f"Actions ({limit:,} of {len(actions):,}, the {_FIRST[sort]})"
        title = "Actions" if len(actions) <= limit else cut
        if actions:
            self._table(ACTIONS, actions[:limit], title)

    def totals(self, totals: Totals) -> None:
        if not (totals.total_executions or totals.cleanups or self._status.in_flight or self._status.lost):
            self._parts.append(self._nothing("nothing has ended yet"))
            return
        executions = [_failed(totals.failures, totals.total_executions)]
        if self._status.in_flight:
            executions.append(Text(f"{self._status.in_flight:,} running"))
        if self._status.orphans:
            executions.append(Text(f"{self._status.orphans:,} presumed dead", style=FAILURE))
        table = grid()
        table.add_column(style="bold")
        table.add_column(justify="right")
        table.add_column()
        table.add_row("Executions", f"{totals.total_executions:,}", Text(", ").join(executions))
        table.add_row("Cleanups", f"{totals.cleanups:,}", _failed(totals.cleanup_failures, totals.cleanups))
        if self._status.lost:
            count, noun = counted(self._status.lost, "entry").split()
            table.add_row("Lost", count, Text(f"{noun} {_LOST}", style=FAILURE))
        self._parts.append(table)

    def action(self, stats: ActionStats) -> None:
        self._parts.append(facts_of_action(stats, self._view))

    def history(self, history: History, before: History | None, this_week: History, last_week: History) -> None:
        if not any(each.runs or each.orphans for each in (history, this_week, last_week)):
            none = "nothing ended in that time"
            self._parts.append(self._nothing(none if history.complete else f"{none}, as far as the rollups tell"))
            return
        self._parts += [Bars(history, before, self._view.utc), "", weeks(this_week, last_week)]
        if not history.complete:
            since = "" if history.since is None else f" before {clock_time(history.since, utc=self._view.utc)}"
            kept = f"{KEPT[history.step].told}, of the first 1,000 actions in each"
            self._parts += ["", Text(f"not complete{since}: {kept}", style="yellow")]

    def shown(self, shown: Shown) -> None:
        self._parts.append(facts_of(shown, self._view, several=self._several is not None))
        self.executions(shown.attempts, title="More of this execution", none=None)
        self.executions(shown.siblings, title="Runs around it", none=None)
        self.cleanups(shown.cleanups, title="Cleaned up", none=None)
        self._parts += texts_of(shown)

    def standings(self, standings: Sequence[NamespaceStanding]) -> None:
        """A line for each namespace, and one for all of them."""
        if standings:
            self._table(STANDINGS, [*standings, all_of(standings)])
        elif why := self._nothing("nothing has been recorded on this server yet"):
            self._parts.append(why)

    def status(self) -> None:
        status = self._status
        last_id = status.checkpoint
        stands = f"{visible(last_id)}, {when(milliseconds_of(last_id), self._view)}" if last_id else None
        bounds = ", ".join(f"{visible(name)} {value}" for name, value in (status.config or {}).items())
        archived = status.archive_last_id
        reaches = f"up to {archived}, {when(milliseconds_of(archived), self._view)}" if archived else None
        table = pairs(
            ("Namespace", status.namespace),
            ("Projector", _holder(status)),
            ("Stands at", stands or "nothing projected yet"),
            ("Entries", f"{status.entries:,} projected, {waiting_entries(status)}"),
            ("Log", f"{counted(status.wal_length, 'entry')}, {status.trimmed:,} trimmed"),
            ("Lost", Text(f"{counted(status.lost, 'entry')} {_LOST}", style=FAILURE) if status.lost else None),
            ("Archived", reaches),
            ("Archive's head", status.archive_head),
            ("Room", None if status.room_seconds is None else Text(room_in_words(status.room_seconds))),
            ("Running", f"{status.in_flight:,}"),
            ("Presumed dead", _alarming(status.orphans)),
            ("Missing", _alarming(status.missing, "numbered by their producers, and never arrived")),
            ("Duplicates", f"{status.duplicates:,} came again, and counted once"),
            ("Quarantined", _alarming(status.quarantined, "could not be read")),
            ("Evicted", f"{counted(status.in_flight_evicted, 'run')}, {counted(status.actions_evicted, 'action')}"),
            ("Replaced", f"{counted(status.in_flight_replaced, 'run')}, started again before the end"),
            ("Schema", visible(status.schema or "–")),
            ("Bounds", bounds or "–"),
        )
        self._parts.append(table)
        if why := self._nothing(""):
            self._parts += ["", why]


def facts_of_action(stats: ActionStats, view: View) -> Table:
    """All that the statistics of an action tell, a line each."""
    state_has_error = stats.consecutive_failures > 0
    return pairs(
        ("Action", Text(visible(stats.action_id), overflow="fold")),
        ("State", state_cell(stats, view)),
        ("Executions", Text(f"{stats.total_executions:,}, ") + _failed(stats.failures, stats.total_executions)),
        ("Presumed dead", _alarming(stats.orphaned) if stats.orphaned else None),
        ("Duration", _durations(stats)),
        ("Within", _percentiles(stats)),
        ("Last success", when(stats.last_success_at, view)),
        ("Last failure", when(stats.last_failure_at, view)),
        ("Last error", cell(stats.last_error, view) if stats.last_error and not state_has_error else None),
        ("First seen", when(stats.first_at, view)),
    )


def _failed(count: int, total: int) -> Text:
    percentage = f" ({100 * count / total:.1f} %)" if count and total else ""
    return Text(f"{count:,} failed{percentage}", style=FAILURE if count else "")


def _durations(stats: ActionStats) -> str:
    if stats.total_executions == stats.resolved:  # which have no duration
        return "–"
    shortest, longest = duration(stats.duration_ms_min), duration(stats.duration_ms_max)
    return f"{duration(stats.avg_duration_ms)} on average, {shortest} to {longest}"


def _percentiles(stats: ActionStats) -> str | None:
    """What half of the runs, 90, 95 and 99 % of them took at most."""
    if stats.p95_duration_ms is None:
        return None
    half, most = duration(stats.p50_duration_ms), duration(stats.p90_duration_ms)
    return f"50 % {half}, 90 % {most}, 95 % {duration(stats.p95_duration_ms)}, 99 % {duration(stats.p99_duration_ms)}"


def _holder(status: Status) -> Text:
    if status.lease_holder is None:
        return Text("none is active", style="yellow")
    if status.lease_holder.startswith(REBUILDING):
        return Text("a rebuild has taken over, until it is done")
    left = "without end" if status.lease_ttl_ms is None else f"for another {duration(status.lease_ttl_ms)}"
    return Text(f"{visible(status.lease_holder)}, its lease lasts {left}")


def _alarming(count: int, what: str = "") -> Text:
    return Text(f"{count:,} {what}".strip(), style=FAILURE) if count else Text("0")
