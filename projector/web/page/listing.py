"""Rows by the page, and what is known of those that are not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from projector.query import Records
from projector.web.page.asked import LAST_PAGE, ROWS, Asked


def paged(rows: Sequence[Any], asked: Asked, *, more: bool = False) -> dict[str, Any]:
    """The rows of the page that is asked for, and the links to those beside it; there are `more` than `rows`."""
    first = (asked.page - 1) * ROWS
    shown = rows[first : first + ROWS]
    return {
        "rows": shown,
        "first": first + 1,
        "last": first + len(shown),
        "total": None if more else len(rows),
        "newer": asked.link(page=asked.page - 1 if asked.page > 2 else None) if asked.page > 1 else None,
        "older": asked.link(page=asked.page + 1) if len(rows) > first + ROWS and asked.page < LAST_PAGE else None,
    }


def listed(found: Records[Any], asked: Asked) -> dict[str, Any]:
    """A page of records, of which `found` has one more than are shown if there are more. `incomplete` if older ones
    are gone, before `whole_since` (epoch ms) if that is known."""
    page = paged(found, asked, more=len(found) > asked.page * ROWS)
    ends = not found.complete and page["older"] is None
    return {**page, "incomplete": ends, "whole_since": found.since if ends else None}
