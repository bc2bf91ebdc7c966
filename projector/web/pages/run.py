"""One run, cleanup or decision: all that `show` knows, and the way to those around it."""

from __future__ import annotations

from typing import Any

from projector.entry_id import order_of
from projector.web.page.asked import Asked
from projector.web.text.ansi import coloured

_LONGEST = 40_000
"""Characters of an output, or fewer where they need more bytes than that as a page; the API has it whole."""
_LISTED = 20


def run(asked: Asked) -> dict[str, Any]:
    wanted = asked.exactly("id")
    shown = asked.query.show(wanted, namespace=asked.exactly("in") or None, progress=asked.progress)
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


def _end_of(output: str) -> tuple[str, int]:
    """The end of an output as a page shows it, and of how many characters that is."""
    count = min(len(output), _LONGEST)
    while len((shown := coloured(output[-count:])).encode()) > _LONGEST:
        count = count * 3 // 4
    return shown, count
