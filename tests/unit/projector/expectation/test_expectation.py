"""When a run has to have started: schedules, also where clocks change, and expectations that make no sense."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from producer.errors import InvalidSettings
from projector.errors import InvalidQuery
from projector.expectation import Expectation
from projector.expectation.settings import expectations_of

HOUR = 3_600_000


def epoch(text: str) -> int:
    """Of a time in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def due(cron: str, now: str, timezone: str = "Europe/Berlin") -> str | None:
    """When a run was due, as of `now` (both in UTC), without grace."""
    found = Expectation(action_id="a", cron=cron, timezone=timezone, grace_ms=0).due_at(epoch(now))
    return None if found is None else f"{datetime.fromtimestamp(found / 1000, UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("cron", "now", "expected"),
    [
        ("0 3 * * *", "2026-11-27 02:00", "2026-11-27 02:00"),
        ("0 3 * * *", "2026-11-27 01:59:59.999", "2026-11-26 02:00"),
        ("*/5 * * * *", "2026-11-27 02:04", "2026-11-27 02:00"),
        ("0 3 * * MON", "2026-11-27 02:00", "2026-11-23 02:00"),
        ("0 0 29 2 *", "2026-11-27 02:00", "2024-02-28 23:00"),
        ("0 3 L * *", "2026-11-27 02:00", "2026-10-31 02:00"),
    ],
)
def test_a_cron_is_due_at_its_latest_moment(cron: str, now: str, expected: str) -> None:
    assert due(cron, now) == expected


@pytest.mark.parametrize(
    ("cron", "now", "expected"),
    [
        # On 2026-03-29 02:00 becomes 03:00 (01:00 UTC): 02:30 is skipped, and due at 03:00.
        ("30 2 * * *", "2026-03-29 00:59", "2026-03-28 01:30"),
        ("30 2 * * *", "2026-03-29 01:00", "2026-03-29 01:00"),
        ("30 2 * * *", "2026-03-29 12:00", "2026-03-29 01:00"),
        ("30 2 * * *", "2026-03-30 00:30", "2026-03-30 00:30"),
        ("*/30 * * * *", "2026-03-29 01:29", "2026-03-29 01:00"),
        # On 2026-10-25 03:00 becomes 02:00 (01:00 UTC): 02:30 comes twice, and is due the first time, at 00:30 UTC.
        ("30 2 * * *", "2026-10-25 00:29", "2026-10-24 00:30"),
        ("30 2 * * *", "2026-10-25 00:30", "2026-10-25 00:30"),
        ("30 2 * * *", "2026-10-25 01:10", "2026-10-25 00:30"),
        ("30 2 * * *", "2026-10-25 01:45", "2026-10-25 00:30"),
        ("30 2 * * *", "2026-10-26 01:29", "2026-10-25 00:30"),
        ("30 2 * * *", "2026-10-26 01:30", "2026-10-26 01:30"),
        ("*/30 * * * *", "2026-10-25 01:10", "2026-10-25 01:00"),
    ],
)
def test_where_clocks_change_a_fixed_time_is_due_once_and_an_interval_goes_on(
    cron: str, now: str, expected: str
) -> None:
    assert due(cron, now) == expected


def test_a_zone_without_a_name_is_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setattr("tzlocal.unix._cache_tz", None)  # another test may have asked
    found = Expectation(action_id="a", cron="0 3 * * *", grace_ms=0).due_at(epoch("2026-11-27 02:00"))
    assert found == epoch("2026-11-26 18:00")


def test_grace_puts_off_what_is_due() -> None:
    nightly = Expectation(action_id="a", cron="0 3 * * *", timezone="UTC", grace_ms=HOUR)
    assert nightly.due_at(epoch("2026-11-27 03:59")) == epoch("2026-11-26 03:00")
    assert nightly.due_at(epoch("2026-11-27 04:00")) == epoch("2026-11-27 03:00")
    assert Expectation(action_id="a", every_ms=26 * HOUR, grace_ms=HOUR).due_at(100 * HOUR) == 73 * HOUR
    assert Expectation(action_id="a").due_at(100 * HOUR) is None


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"every": "26"}, "every: expected a number and ms, s, m, h, d or w, such as 90m, 36h, 7d or 1w, found '26'"),
        ({"every": "1d", "grace": "1 m"}, "grace: expected a number and"),
        ({"max_age": ""}, "max_age: expected a number and"),
        ({"cron": "0 3 * *"}, "cron: expected five fields such as 0 3 * * *, of a date that there is"),
        ({"cron": "0 25 * * *"}, "cron: expected five fields"),
        ({"cron": "0 0 31 2 *"}, "cron: expected five fields such as 0 3 * * *, of a date that there is"),
        ({"cron": "0 0 * 2 MON#6"}, "cron: expected five fields"),
        ({"cron": "0 3 * * *", "every": "1d"}, "cron: expected either every or cron"),
        (
            {"cron": "0 3 * * *", "timezone": "Berlin"},
            "timezone: expected a name such as Europe/Berlin, found 'Berlin'",
        ),
        ({"cron": "0 3 * * *", "timezone": "../etc"}, "timezone: expected a name such as"),
        ({"cron": "0 3 * * *", "timezone": "Europe"}, "timezone: expected a name such as"),
        ({"timezone": "UTC"}, "timezone: expected nothing without cron, found 'UTC'"),
    ],
)
def test_a_section_that_makes_no_expectation_is_told_with_its_key(section: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidSettings) as raised:
        expectations_of({"nightly": section})
    assert str(raised.value).startswith(f"expect.nightly.{told}")


def test_a_section_is_an_expectation_with_durations_in_ms() -> None:
    found = expectations_of(
        {"a b": {"every": "26h", "grace": "30s", "max_failures": 2, "max_duration": "10m"}, "c": {}}
    )
    assert found == {
        "a b": Expectation(
            action_id="a b", every_ms=26 * HOUR, grace_ms=30_000, max_failures=2, max_duration_ms=600_000
        ),
        "c": Expectation(action_id="c"),
    }


def test_an_invalid_expectation_of_a_program_is_an_invalid_query() -> None:
    with pytest.raises(InvalidQuery, match="cron: expected either every or cron"):
        Expectation(action_id="a", cron="0 3 * * *", every_ms=5)
