"""All actions: sorted, searched, by the page."""

from __future__ import annotations

from typing import Any, get_args

from projector.answers.filters import named
from projector.query.merging.statistics import in_order
from projector.query.questions.statistics import Sort
from projector.web.page.asked import Asked
from projector.web.page.listing import paged

ORDERS: tuple[Sort, ...] = get_args(Sort)


def actions(asked: Asked) -> dict[str, Any]:
    order, part = asked.choice("sort", ORDERS), asked.one("q")
    found = named(asked.actions, part) if part else asked.actions
    return {"order": order, "all": len(asked.actions), **paged(in_order(found, order), asked)}
