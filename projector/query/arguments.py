"""The arguments of a query, checked before anything is sent: limits, names, filters."""

from __future__ import annotations

from projector.errors import InvalidQuery

_LARGEST = 2**53


def checked_limit(limit: object) -> int:
    if type(limit) is not int or limit < 0:  # True is an int to isinstance
        raise InvalidQuery("limit", "a whole number from 0", limit)
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
