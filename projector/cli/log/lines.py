"""An entry of the log in one line: when, what, of which action or scanner, how it went, who did it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from producer.terminal.stdout import is_terminal
from projector.cli.display.page import page, page_console
from projector.cli.display.tables import FAILURE
from projector.cli.display.wording import clock_time, duration, visible
from projector.cli.options import View
from projector.query.remarks import outcome
from projector.search.entry import LogEntry
from projector.search.filter import ORPHANED, host_of, short_type

_NAMES = ("action_id", "scanner_id", "producer_id")
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
        if not (self._console.is_terminal and _is_failure(entry)):
            return text
        return page(Text(text, style=FAILURE, no_wrap=True, overflow="ignore"), console=self._console).rstrip("\n")


def text_of(entry: LogEntry, *, utc: bool, width: int | None, namespace_width: int = 0) -> str:
    """The line, cut to `width` columns; whole if that is None. It begins with the namespace if that has a width."""
    told, narrow = entry.operation or {}, width is not None and width < _NARROW
    when = clock_time(entry.time, utc=utc)
    begin = f"{when[5:19] if narrow else when[:19]}  {_type(entry).ljust(_TYPE_WIDTH)}"
    least = _LEAST
    if namespace_width:
        column = namespace_width if width is None else min(namespace_width, max(_SHORTEST, width // 6))
        begin = f"{_cut(entry.namespace, column).ljust(column)}  {begin}"
        least = _SHORTEST
    name = next((told[field] for field in _NAMES if field in told), "")
    who = "" if narrow and namespace_width else _who(entry, told)
    words = [visible(name), visible(_outcome(entry, told)), visible(who)]
    if width is not None:
        room = width - cell_len(begin)
        words[0] = _cut(words[0], max(least, room // 3))
        words[2] = _cut(words[2], max(least, room // 4))
        taken = sum(cell_len(word) + _GAP for word in words[::2] if word)
        words[1] = _cut(words[1], room - taken - _GAP)
    return "  ".join([begin, *filter(None, words)])


def _type(entry: LogEntry) -> str:
    return short_type(entry.type) if entry.type else "unreadable"


def _is_failure(entry: LogEntry) -> bool:
    """Whether it tells of a failure, or cannot be read."""
    told = entry.operation
    return told is None or told.get("success") is False or entry.type == ORPHANED


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"


def _outcome(entry: LogEntry, told: Mapping[str, Any]) -> str:
    match short_type(entry.type or ""):
        case "":
            return entry.rejection or ""
        case "started":
            return f"from {told['source']}"
        case "completed":
            ended = outcome(told["success"], told.get("error"))
            return f"{duration(told['duration_ms'])}, {ended}"
        case "cleanup":
            return f"{told['action']} {told['resource_id']}, {outcome(told['success'], told.get('error'))}"
        case "orphaned":
            return f"presumed dead: {told['reason']}"
        case "resolved":
            return f"resolved as {outcome(told['success'], told['reason'])}"
    rest = {name: value for name, value in told.items() if name not in ("type", *_NAMES)}
    return orjson.dumps(rest).decode()


def _who(entry: LogEntry, told: Mapping[str, Any]) -> str:
    if by := told.get("by"):  # whoever decided
        return str(by)
    labels = told.get("labels") or {}
    host, user = host_of(labels, entry.by), labels.get("user")
    return f"{user}@{host or '?'}" if user else host or ""
