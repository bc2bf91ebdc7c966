"""The arguments of a query, checked before anything is sent: limits, names, filters, moments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from projector.errors import InvalidQuery

if TYPE_CHECKING:
    from projector.archive.archive import Archive

Moment = int | datetime
"""Epoch milliseconds, or a datetime with a time zone."""

Progress = Callable[[int, int], None]
"""Is called with each page with how many entries were looked at, and how many there are to look at."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 2**53


@dataclass(frozen=True, slots=True)
class Span:
    """What was written from `since` on and before `until`, epoch ms by the server's clock; None: no end on that side.

    What is no longer in the log is in `archive`, if there is one. `progress` is told how far the search in both is.
    """

    since: int | None
    until: int | None
    archive: str | None
    progress: Progress | None = None

    @property
    def is_all(self) -> bool:
        return self.since is None and self.until is None

    def has(self, moment: int) -> bool:
        return (self.since or 0) <= moment and (self.until is None or moment < self.until)

    def opened(self, namespace: str) -> Archive | None:
        if self.archive is None:
            return None
        from projector.archive.archive import Archive  # loads compression, which few readers need

        return Archive.at(self.archive, namespace)


def checked_span(since: object, until: object, archive: str | None, progress: Progress | None = None) -> Span:
    """Each moment as epoch ms, as a datetime with a time zone, or None."""
    first = None if since is None else checked_moment("since", since)
    return Span(first, None if until is None else checked_moment("until", until), archive, progress)


def checked_limit(limit: object) -> int:
    """`limit` as a number; None sets no limit."""
    if limit is None:
        return _LARGEST
    if type(limit) is not int or limit < 0:  # True is an int to isinstance
        raise InvalidQuery("limit", "a whole number from 0, or None", limit)
    return min(limit, _LARGEST)


def checked_name(name: str, value: object) -> str:
    """`value` as the id of an action or scanner; `name` is the argument's, for the error."""
    if not isinstance(value, str):
        raise InvalidQuery(name, "text", value)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidQuery(name, "text that UTF-8 can carry", value) from error
    return value


def checked_percent(percent: object) -> int:
    if type(percent) is not int or not 1 <= percent <= 100:
        raise InvalidQuery("percent", "a whole number from 1 to 100", percent)
    return percent


def checked_success(success: object) -> bool | None:
    if success is not None and not isinstance(success, bool):
        raise InvalidQuery("success", "True, False or None", success)
    return success


def checked_moment(name: str, value: object) -> int:
    """A moment, given as epoch milliseconds or as a datetime with a time zone, in epoch milliseconds."""
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return max(0, (value - _EPOCH) // timedelta(milliseconds=1))
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise InvalidQuery(name, "epoch milliseconds, or a datetime with a time zone", value)
    return value
