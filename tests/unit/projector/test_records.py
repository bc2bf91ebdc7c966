"""The records: their time as a datetime."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime

from producer.operations import MAX_INTEGER
from projector import ActionExecutionRecord, CleanupRecord, InFlightRecord

AT = 1_790_000_000_123
WHEN = datetime(2026, 9, 21, 14, 13, 20, 123_000, tzinfo=UTC)
RUN = ActionExecutionRecord("a", None, None, True, 5, None, AT, None, 7, None, "1-1")
CLEANUP = CleanupRecord("s", "r", "delete", True, None, AT, None, "1-1")
STARTED = InFlightRecord("a", "manual", "command", AT, None, None, False, "1-1")


def test_each_record_has_its_time_as_an_aware_datetime_too() -> None:
    assert [record.at for record in (RUN, CLEANUP, STARTED)] == [WHEN] * 3


def test_a_time_beyond_the_calendar_is_its_last_moment() -> None:
    assert replace(RUN, timestamp=MAX_INTEGER).at == datetime.max.replace(tzinfo=UTC, microsecond=999_000)


def test_the_datetime_is_no_field_of_a_record() -> None:
    assert "at" not in asdict(RUN)
