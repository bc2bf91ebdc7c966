"""The namespaces that this page is about: who projects each, what waits, what is missing, the memory it takes."""

from __future__ import annotations

from typing import Any

from projector.answers.standing import standings_of
from projector.web.page.asked import Asked, Trouble
from projector.web.page.listing import paged


def namespaces(asked: Asked) -> dict[str, Any]:
    memory = asked.part(asked.query.memory)
    damaged = memory if isinstance(memory, Trouble) else None
    rows = standings_of(asked.statuses, {} if isinstance(memory, Trouble) else memory)
    return {"damaged": damaged, **paged(rows, asked)}
