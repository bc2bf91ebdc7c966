"""The namespaces that this page is about: who projects each, what waits, what is missing, the memory it takes."""

from __future__ import annotations

from typing import Any

from projector.answers.standing import standings_of
from projector.web.page.asked import Asked


def namespaces(asked: Asked) -> dict[str, Any]:
    return {"rows": standings_of(asked.statuses, asked.query.memory())}
