"""What runs now, beside how long it usually takes, and what is presumed dead."""

from __future__ import annotations

from typing import Any

from projector.answers.filters import named
from projector.query.overview import by_urgency
from projector.web.page.asked import Asked, Trouble
from projector.web.page.listing import paged

_DEAD = 50


def in_flight(asked: Asked) -> dict[str, Any]:
    part = asked.one("q")
    order = asked.choice("sort", ("overdue", "newest", "oldest"))
    found = named(asked.running, part)
    if order == "overdue":
        found = by_urgency(found)
    elif order == "oldest":
        found.sort(key=lambda run: run.started_at)
    dead = asked.part(asked.query.orphans)
    if not isinstance(dead, Trouble):
        dead = named(dead, part)
    return {
        "order": order,
        "all": len(asked.running),
        "overdue": sum(run.overdue for run in asked.running),
        "dead": dead,
        "listed": _DEAD,
        **paged(found, asked),
    }
