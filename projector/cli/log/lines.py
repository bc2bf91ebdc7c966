"""An entry of the log in one line: when, what, of which action or scanner, how it went, who did it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from producer.terminal.stdout import is_terminal
from projector.answers.wording.amounts import clock_time
from projector.answers.wording.entries import is_failure, name_of, outcome_of, type_of, who_of
from projector.cli.display.page import page, page_console
from projector.cli.display.tables import FAILURE
from projector.cli.display.wording import visible
from projector.cli.options import View
from projector.search.entry import LogEntry

_TYPE_WIDTH = 9
_NARROW = 80
"""Columns below which a line has no year."""
_LEAST = 12
_SHORTEST = 8
"""Columns of a name, at least, where the namespace stands before."""
_GAP = 2


class EntryLines:
    """Lines as wide as the terminal; elsewhere whole. Failures are red on a terminal. The first column has the
    namespace, if several `namespaces` are read."""

    def __init__(self, view: View, namespaces: Sequence[str] = ()) -> None:
        self._utc = view.utc
        self._console = page_console(view)
        self._width = self._console.width if is_terminal() or "COLUMNS" in os.environ else None
        self._namespace_width = max(map(len, namespaces), default=0)

    def line(self, entry: LogEntry) -> str:
        text = text_of(entry, utc=self._utc, width=self._width, namespace_width=self._namespace_width)
        if not (self._console.is_terminal and is_failure(entry)):
            return text
        return page(Text(text, style=FAILURE, no_wrap=True, overflow="ignore"), console=self._console).rstrip("\n")


def text_of(entry: LogEntry, *, utc: bool, width: int | None, namespace_width: int = 0) -> str:
    """The line, cut to `width` columns; whole if that is None. It begins with the namespace if that has a width."""
    narrow = width is not None and width < _NARROW
    when = clock_time(entry.time, utc=utc)
    begin = f"{when[5:19] if narrow else when[:19]}  {type_of(entry).ljust(_TYPE_WIDTH)}"
    least = _LEAST
    if namespace_width:
        column = namespace_width if width is None else min(namespace_width, max(_SHORTEST, width // 6))
        begin = f"{_cut(entry.namespace, column).ljust(column)}  {begin}"
        least = _SHORTEST
    who = "" if narrow and namespace_width else who_of(entry)
    words = [visible(name_of(entry)), visible(outcome_of(entry)), visible(who)]
    if width is not None:
        room = width - cell_len(begin)
        words[0] = _cut(words[0], max(least, room // 3))
        words[2] = _cut(words[2], max(least, room // 4))
        taken = sum(cell_len(word) + _GAP for word in words[::2] if word)
        words[1] = _cut(words[1], room - taken - _GAP)
    return "  ".join([begin, *filter(None, words)])


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"
