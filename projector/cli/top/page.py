"""All about one record, over the other tables of `top`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from producer.errors import WalError
from projector.cli.display.report import facts_of_action
from projector.cli.display.shown import facts_of, texts_of
from projector.cli.display.wording import visible
from projector.cli.options import View
from projector.cli.top.sample import Activity
from projector.query import AsyncQuery
from projector.query.questions.show import Shown


class Page(ModalScreen[None]):
    """What `projector show` tells of a record; of an action its statistics."""

    CSS = """
    Page { align: center middle; }
    Page VerticalScroll { width: 95%; height: 90%; border: round $primary; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar = [Binding("escape,q,enter", "dismiss", "Close")]

    def __init__(self, query: AsyncQuery, record: Any, view: View) -> None:
        super().__init__()
        self._query = query
        self._record = record
        self._view = replace(view, no_trunc=True, now=int(time.time() * 1000))
        self._page = Static("…")

    def compose(self) -> ComposeResult:
        yield VerticalScroll(self._page)

    def on_mount(self) -> None:
        self.run_worker(self._read())

    async def _read(self) -> None:
        if isinstance(self._record, Activity):
            self._page.update(facts_of_action(self._record.stats, self._view))
            return
        try:
            shown = await self._query.show(self._record.entry_id, namespace=self._record.namespace or None)
        except WalError as error:
            self._page.update(Text(visible(str(error)), style="red"))
        else:
            self._page.update(Group(*_folded(shown, self._view)))


def _folded(shown: Shown, view: View) -> Iterator[RenderableType]:
    yield facts_of(shown, view)
    for part in texts_of(shown):
        if isinstance(part, Text):
            part.no_wrap, part.overflow = False, "fold"
        yield part
