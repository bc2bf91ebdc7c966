"""One run, cleanup or decision: all that `show` knows, and the way to those around it."""

from __future__ import annotations

import time
from typing import Any

from projector.entry_id import order_of
from projector.errors import InvalidQuery, TooMuchWork
from projector.query.arguments import Progress
from projector.web.page.asked import Asked
from projector.web.page.search import SECONDS
from projector.web.text.ansi import coloured

_LONGEST = 40_000
"""Characters of an output, or fewer where they need more bytes than that as a page; the API has it whole."""
_LISTED = 20


def run(asked: Asked) -> dict[str, Any]:
    wanted = asked.exactly("id")
    if not wanted:
        raise InvalidQuery("id", "the id of a run, of a cleanup, or of an entry", wanted)
    progress = asked.progress if asked.one("search") == "log" else _for_a_moment(wanted)
    shown = asked.query.show(wanted, namespace=asked.exactly("in") or None, progress=progress)
    output, of_output = _end_of(shown.output or "")
    here = shown.run and order_of(shown.run.entry_id)
    record = shown.cleanup or shown.run
    return {
        "title": wanted,
        "shown": shown,
        "record": record,
        "error": getattr(record, "error", None),
        "output": output,
        "output_cut": len(shown.output or "") - of_output,
        "listed": _LISTED,
        "before": next((each for each in shown.siblings if here and order_of(each.entry_id) < here), None),
        "after": next((each for each in reversed(shown.siblings) if here and order_of(each.entry_id) > here), None),
    }


def _for_a_moment(wanted: str) -> Progress:
    """What the projection has is found at once. The log is looked through no longer than a page may take."""
    deadline = time.monotonic() + SECONDS

    def progress(done: int, total: int) -> None:
        if done < total and time.monotonic() > deadline:
            raise TooMuchWork(
                f"{wanted} is not in the projection, and to look through the log takes longer than a page may"
            )

    return progress


def _end_of(output: str) -> tuple[str, int]:
    """The end of an output as a page shows it, and of how many characters that is."""
    count = min(len(output), _LONGEST)
    while len((shown := coloured(output[-count:])).encode()) > _LONGEST:
        count = count * 3 // 4
    return shown, count
