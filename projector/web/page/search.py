"""A search through the log for one page: for a moment, and from where it came to it can go on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from projector.answers.parameter import WrongParameter
from projector.entry_id import is_entry_id, milliseconds_of, order_of
from projector.search import Filter
from projector.search.entry import LogEntry
from projector.web.page.asked import ROWS, Asked

SECONDS = 0.1
"""For so long a page searches; whoever wants more goes on from there."""


class _Enough(Exception):
    """The time of the page is over."""


@dataclass(frozen=True, slots=True)
class Searched:
    """The `rows` of a page. `older` names the last entry that was looked at if there may be more behind it, else
    nothing; `scanned` were looked at, and `gone` are no longer in the log."""

    rows: list[LogEntry]
    older: str
    scanned: int
    gone: int

    def context(self, asked: Asked) -> dict[str, Any]:
        """For a template: the links beside the rows, and back to when (epoch ms) it searched if time was up."""
        time_was_up = self.older and len(self.rows) < ROWS
        return {
            "rows": self.rows,
            "older": asked.link(before=self.older) if self.older else None,
            "newest": asked.link(before=None) if asked.one("before") else None,
            "stopped": milliseconds_of(self.older) if time_was_up else None,
            "scanned": self.scanned,
            "gone": self.gone if not self.older else 0,
        }


def search(asked: Asked, where: Filter) -> Searched:
    """The newest entries that `where` wants, behind that which the argument `before` names, if it is there."""
    between, before = asked.between, asked.one("before")
    until, behind = between.until, None
    if before:
        entry_id, _, namespace = before.partition(",")
        if not is_entry_id(entry_id):
            raise WrongParameter("before", f"expected an entry id, found {before!r}")
        until, behind = milliseconds_of(entry_id) + 1, _place(entry_id, namespace)
    deadline = time.monotonic() + SECONDS

    def progress(done: int, total: int) -> None:
        if done and time.monotonic() > deadline:
            raise _Enough
        asked.progress(done, total)

    entries = asked.query.log(where, since=between.since, until=until, progress=progress)
    rows: list[LogEntry] = []
    older = ""
    try:
        for entry in entries:
            if behind and _place(entry.entry_id, entry.namespace) <= behind:
                continue
            if len(rows) == ROWS:
                older = f"{rows[-1].entry_id},{rows[-1].namespace}"
                break
            rows.append(entry)
    except _Enough:
        older = entries.stands  # without a namespace: what others have of that id comes again rather than never
    return Searched(rows, older, entries.scanned, entries.gone)


def _place(entry_id: str, namespace: str) -> tuple[int, int, str]:
    """In the order in which entries of several namespaces come, the newest first."""
    milliseconds, number = order_of(entry_id)
    return -milliseconds, -number, namespace
