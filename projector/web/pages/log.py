"""The log: its entries, the newest first, as they were recorded."""

from __future__ import annotations

import time
from typing import Any

from projector.answers.parameter import WrongParameter
from projector.answers.quarantined import is_entry_id
from projector.answers.wording import entries as entries_in_words
from projector.entry_id import milliseconds_of, order_of
from projector.search.entry import LogEntry
from projector.search.filter import TYPES
from projector.web.page.asked import ROWS, Asked

_SECONDS = 0.1
"""For so long a page searches; whoever wants more goes on from there."""


class _Enough(Exception):
    """The time of the page is over."""


def log(asked: Asked) -> dict[str, Any]:
    between, before = asked.between, asked.one("before")
    until = between.until
    if before:
        if not is_entry_id(before):
            raise WrongParameter("before", f"expected an entry id, found {before!r}")
        until = milliseconds_of(before) + 1
    deadline = time.monotonic() + _SECONDS

    def progress(done: int, total: int) -> None:
        if done and time.monotonic() > deadline:
            raise _Enough
        asked.progress(done, total)

    entries = asked.query.log(asked.where(), since=between.since, until=until, progress=progress)
    rows: list[LogEntry] = []
    stopped = ""
    try:
        for entry in entries:
            if before and order_of(entry.entry_id) >= order_of(before):
                continue
            rows.append(entry)
            if len(rows) > ROWS:
                break
    except _Enough:
        stopped = entries.stands
    more = len(rows) > ROWS
    shown = rows[:ROWS]
    older = shown[-1].entry_id if more else stopped
    return {
        "rows": shown,
        "types": [("", "all"), *((name, name) for name in TYPES)],
        "words": entries_in_words,
        "older": asked.link(before=older) if older else None,
        "newest": asked.link(before=None) if before else None,
        "stopped": milliseconds_of(stopped) if stopped and not more else None,
        "scanned": entries.scanned,
        "gone": entries.gone if not older else 0,
    }
