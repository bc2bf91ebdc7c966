"""Moments: epoch milliseconds and aware datetimes, and which of them are odd.

A time before the year 2000, or more than a day ahead of the clock, is odd: somebody gave seconds, or a clock is
wrong. The fold takes it. A producer and an import refuse it, unless told otherwise.
"""

import sys
from datetime import UTC, datetime, timedelta

from producer.errors import InvalidOperation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_DAY = timedelta(days=1) // _MILLISECOND


def datetime_of(moment: int) -> datetime:
    """An epoch in milliseconds as a datetime in UTC; the year 9999 for what lies beyond."""
    return _EPOCH + timedelta(milliseconds=min(moment, _LAST))


def iso_of(moment: datetime) -> str:
    """A moment in UTC for programs: `2026-11-26T02:00:00.000Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_utc(moment: int) -> str:
    """An epoch in milliseconds for a person to read, to the second."""
    return f"{datetime_of(moment):%Y-%m-%d %H:%M:%S} UTC" if moment <= _LAST else "beyond the year 9999"


def milliseconds_of(field: str, at: datetime) -> int:
    """The epoch in milliseconds of an aware datetime. Raises InvalidOperation for one without a time zone."""
    if at.utcoffset() is None:
        expected = "epoch milliseconds, or a datetime with a time zone"
        raise InvalidOperation(field, expected, f"{at.isoformat()} without one")
    return (at - _EPOCH) // _MILLISECOND


def moment_of(field: str, at: int | datetime | None, *, now: int, allow_odd: bool) -> int:
    """The `at` of a call, in epoch milliseconds; `now` for None. Raises InvalidOperation for an odd one, unless that
    is allowed."""
    if at is None:
        return now
    if type(at) is int and _FIRST <= at <= now + _DAY:
        return at  # as most are
    if isinstance(at, datetime):
        at = milliseconds_of(field, at)
    # The contract judges the rest. A float is mostly `time.time()`, whose seconds deserve more words than it has.
    if not allow_odd and type(at) in (int, float) and 0 <= at <= sys.maxsize:
        refuse_odd(field, at, now)
    return at


def is_odd(moment: int, now: int) -> bool:
    """Whether an epoch in milliseconds lies before the year 2000 or more than a day ahead of `now`."""
    return not _FIRST <= moment <= now + _DAY


def refuse_odd(field: str, moment: int, now: int) -> None:
    """Raises InvalidOperation if `moment` is odd at `now`; it says so if seconds were meant."""
    if is_odd(moment, now):
        meant = "" if is_odd(moment * 1000, now) else "; these look like seconds"
        expected = "a time from the year 2000 to a day ahead of the clock (or allow_odd_times, --allow-odd-times)"
        raise InvalidOperation(field, expected, f"{moment} ms, which is {in_utc(moment)}{meant}")
