"""The screen of `projector top`."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from rich.console import Group
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Footer, Input, Static
from textual.worker import WorkerCancelled, WorkerFailed, get_current_worker

from producer.errors import WalError
from projector.answers.wording.amounts import clock_time
from projector.answers.wording.several import Several
from projector.cli.display.history.bars import sparkline
from projector.cli.display.tables import CLEANUPS, FAILURES, IN_FLIGHT
from projector.cli.display.wording import visible
from projector.cli.options import View
from projector.cli.top.page import Page
from projector.cli.top.sample import ORDERS, Sample, Sampler
from projector.cli.top.table import RANKED, SLOWEST, RecordTable
from projector.query import AsyncQuery
from projector.query.remarks import notice, waiting_entries, why_nothing

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_SEARCHED = ("namespace", "action_id", "scanner_id", "resource_id", "source", "error", "execution_id", "by")
_RATES = 60
_SHARE = 9
"""How many times as long as reading took the pause after it is, at least."""
_LONGEST_SECONDS = 10.0


class Top(App[int]):
    """Ends with an exit status as its result, or with a `bug`, which the caller raises."""

    TITLE = "projector top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { height: auto; padding: 0 1; }
    #actions { height: 5fr; }
    #running { height: 4fr; }
    #failures { height: 5fr; }
    #cleanups { height: 4fr; }
    RecordTable { border-top: solid $primary; width: 1fr; padding: 0 1; }
    RecordTable:focus { border-top: heavy $accent; }
    #filter { display: none; border: none; height: 1; }
    """
    BINDINGS: ClassVar = [
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", f"end({128 + signal.SIGINT})", show=False, priority=True),
        Binding("s", "sort", "Sort"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("p", "pause", "Pause"),
        Binding("escape", "everything", show=False),
    ]

    def __init__(self, query: AsyncQuery, view: View) -> None:
        super().__init__()
        self.bug: BaseException | None = None
        self._view = view
        self._namespace = visible(query.namespace)
        self._query = query
        self._sampler = Sampler(query)
        self._sample: Sample | None = None
        self._paused = False
        self._hurry = asyncio.Event()
        self._trouble = ""
        self._rates: deque[int] = deque(maxlen=_RATES)
        self._head = Static(id="head")
        self._filter = Input(placeholder="part of a name, a source or an error; Esc shows all", id="filter")
        none = "no action has ended yet"
        self._tables = {
            "running": RecordTable("Running", IN_FLIGHT, none="nothing runs", id="running"),
            "ranked": RecordTable(f"Actions by {ORDERS[0]}", RANKED, none=none, id="ranked"),
            "slowest": RecordTable("Slowest actions", SLOWEST, none=none, id="slowest"),
            "failures": RecordTable("Latest failures", FAILURES, none="no execution has failed", id="failures"),
            "cleanups": RecordTable(
                "Latest cleanups", CLEANUPS, none="nothing has been cleaned up yet", id="cleanups"
            ),
        }
        """Each shows the field of the sample that it is named for."""

    def compose(self) -> ComposeResult:
        running, ranked, slowest, failures, cleanups = self._tables.values()
        yield from (self._head, running, Horizontal(ranked, slowest, id="actions"), failures, cleanups)
        yield from (self._filter, Footer())

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:  # else they would end the process, and leave the terminal as it is
            loop.add_signal_handler(number, self.exit, 128 + number)
        self._tables["running"].focus()
        self._draw()
        self._following = self.run_worker(self._follow())

    async def on_unmount(self) -> None:
        self._following.cancel()
        self._hurry.set()
        with suppress(WorkerCancelled, WorkerFailed):
            await self._following.wait()
        await self._query.close()

    def _fatal_error(self) -> None:
        """Textual would print a traceback with the values of variables, passwords among them."""
        self.bug = self._exception.error if isinstance(self._exception, WorkerFailed) else self._exception
        self._close_messages_no_wait()

    async def _follow(self) -> None:
        """Read and draw, once a second, or more seldom where reading takes long."""
        worker = get_current_worker()
        while not worker.is_cancelled:  # before Python 3.12 redis-py loses some cancellations
            begun = time.monotonic()
            if not self._paused:
                try:
                    self._sample, self._trouble = await self._sampler.take(), ""
                    self._rates.append(round(self._sample.rate or 0))
                except WalError as error:
                    self._trouble = f"{visible(str(error))}: trying again"
                if not worker.is_cancelled:
                    self._draw()
            pause = min(_LONGEST_SECONDS, max(1.0, _SHARE * (time.monotonic() - begun)))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)
            self._hurry.clear()

    # -- what the keys do --

    def action_end(self, status: int) -> None:
        self.exit(status)

    def action_sort(self) -> None:
        sampler = self._sampler
        sampler.order = ORDERS[(ORDERS.index(sampler.order) + 1) % len(ORDERS)]
        self._tables["ranked"].border_title = f"Actions by {sampler.order}"
        self._hurry.set()

    def action_pause(self) -> None:
        self._paused = not self._paused
        self._hurry.set()
        self._draw()

    def action_filter(self) -> None:
        self._filter.display = True
        self._filter.focus()

    def action_everything(self) -> None:
        self._filter.value = ""
        self.on_input_submitted()

    def on_input_changed(self) -> None:
        self._draw()

    def on_input_submitted(self) -> None:
        self._filter.display = bool(self._filter.value)
        self._tables["running"].focus()

    def on_record_table_opened(self, message: RecordTable.Opened) -> None:
        self.push_screen(Page(self._query, message.record, self._view))

    # -- what is shown --

    def _draw(self) -> None:
        self._head.update(self._summary())
        if sample := self._sample:
            view = replace(self._view, now=sample.at)
            several = Several.of(self._query.namespace, sample.statuses) is not None
            for name, table in self._tables.items():
                records = self._wanted(getattr(sample, name))
                table.show(records, view, several=several)

    def _wanted(self, records: Sequence[Any]) -> Sequence[Any]:
        part = self._filter.value.casefold()
        return [
            record
            for record in records
            if not part or any(part in (getattr(record, name, None) or "").casefold() for name in _SEARCHED)
        ]

    def _summary(self) -> Group:
        first = Text(self._namespace, style="bold", no_wrap=True, overflow="ellipsis")
        lines = [first]
        if self._paused:
            first.append("  paused", style="yellow")
        if sample := self._sample:
            status = sample.status
            first.append(f"  {clock_time(sample.at, utc=self._view.utc)}")
            now = f"{waiting_entries(status)}, {status.in_flight:,} running, {status.orphans:,} presumed dead"
            rate = "–" if sample.rate is None else f"{sample.rate:,.0f}"
            rates = f"entries/s {rate} {sparkline(self._rates)}"
            lines.append(Text(f"{now}, {rates}", no_wrap=True, overflow="ellipsis"))
            if (remark := self._remark(sample)) and not self._trouble:
                lines.append(Text(remark, style="yellow"))
        if self._trouble:
            lines.append(Text(self._trouble, style="red"))
        return Group(*lines)

    def _remark(self, sample: Sample) -> str:
        """What to know about the projectors; nothing if all is as it should be."""
        if several := Several.of(self._query.namespace, sample.statuses):
            return several.notice() or several.why_nothing("")
        return notice(sample.status) or why_nothing(sample.status, "")
