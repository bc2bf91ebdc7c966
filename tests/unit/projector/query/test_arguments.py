"""The arguments of a query: what each takes, and what its error says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from projector.errors import InvalidQuery
from projector.query.arguments import checked_moment


@pytest.mark.parametrize(
    "value",
    [
        1_790_000_000_123,
        datetime.fromtimestamp(1_790_000_000, UTC) + timedelta(milliseconds=123),
        datetime.fromtimestamp(1_790_000_000, timezone(timedelta(hours=5, minutes=30)))
        + timedelta(microseconds=123_999),
    ],
)
def test_a_moment_is_epoch_milliseconds_or_a_datetime_in_any_zone(value: object) -> None:
    assert checked_moment("since", value) == 1_790_000_000_123


@pytest.mark.parametrize("value", [-1, 2**53 + 1, True, 1.5, "yesterday", datetime(2026, 9, 21)])
def test_what_is_no_moment_is_refused_with_what_was_expected(value: object) -> None:
    with pytest.raises(
        InvalidQuery, match="since: expected epoch milliseconds, or a datetime with a time zone, found"
    ):
        checked_moment("since", value)
