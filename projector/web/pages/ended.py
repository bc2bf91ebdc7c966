"""The runs that have ended, those that failed, and failures by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from projector.answers import records
from projector.search import Filter
from projector.web.page.asked import ROWS, Asked
from projector.web.page.listing import listed, paged


def runs(asked: Asked) -> dict[str, Any]:
    found = records.recent(
        asked.query, asked.where(), between=asked.between, limit=asked.page * ROWS + 1, progress=asked.progress
    )
    return listed(found, asked)


def failures(asked: Asked) -> dict[str, Any]:
    if asked.choice("grouped", ("", "true")):
        return _kinds(asked)
    where = asked.where(failed=None)
    limit = asked.page * ROWS + 1
    found = records.failures(asked.query, where, between=asked.between, limit=limit, progress=asked.progress)
    return {"grouped": False, **listed(found, asked)}


def shows_kinds(arguments: Mapping[str, str]) -> bool:
    """Whether the page of failures, asked for by these, shows those of all actions by kind."""
    return bool(arguments.get("grouped")) and not (arguments.get("action") or arguments.get("since"))


def _kinds(asked: Asked) -> dict[str, Any]:
    if shows_kinds(dict(asked.arguments)):
        found = asked.kinds
        return {"grouped": True, "incomplete": False, "whole_since": None, **paged(found, asked)}
    where = Filter(action=asked.one("action") or None)
    found = records.kinds(asked.query, where, between=asked.between, limit=asked.page * ROWS + 1)
    return {"grouped": True, **listed(found, asked)}
