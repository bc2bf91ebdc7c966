"""Times as people write them: what each means, and that what could mean several things is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from projector.answers.interval import Interval, interval_of, moment_of
from projector.answers.parameter import WrongParameter

NOW = datetime(2026, 10, 25, 12, 30, 15, tzinfo=UTC)  # clocks in Berlin went back in that night


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2h", "2026-10-25 10:30:15"),
        ("90s", "2026-10-25 12:28:45"),
        ("90m", "2026-10-25 11:00:15"),
        ("1d", "2026-10-24 12:30:15"),
        ("1w", "2026-10-18 12:30:15"),
        ("now", "2026-10-25 12:30:15"),
        ("2 hours ago", "2026-10-25 10:30:15"),
        ("today", "2026-10-24 22:00:00"),
        ("yesterday", "2026-10-23 22:00:00"),
        ("yesterday 14:00", "2026-10-24 12:00:00"),
        ("monday", "2026-10-18 22:00:00"),
        ("02:00", "2026-10-25 00:00:00"),
        ("2026-11-26", "2026-11-25 23:00:00"),
        ("2026-11-26 02:00", "2026-11-26 01:00:00"),
        ("2026-11-26 02:00 UTC", "2026-11-26 02:00:00"),
        ("2026-11-26T02:00:00Z", "2026-11-26 02:00:00"),
        ("2026-11-26T02:00:00+02:00", "2026-11-26 00:00:00"),
        ("1795000000000", "2026-11-18 11:06:40"),
    ],
)
def test_a_text_means_a_moment(text: str, meant: str) -> None:
    found = moment_of(text, NOW.astimezone())
    assert datetime.fromtimestamp(found / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") == meant


@pytest.mark.parametrize(
    "text", ["", "garbage", "5", "1.2.2026", "03/04/2026", "2026-13-40", "2026-11-26 25:00", "2026", "26 Nov", "h"]
)
def test_what_means_no_moment_or_several_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as 2h, yesterday"):
        moment_of(text, NOW.astimezone())


def test_a_moment_before_the_epoch_is_the_epoch() -> None:
    assert moment_of("99999w", NOW) == 0


def test_an_interval_has_its_first_moment_and_not_its_last() -> None:
    interval = Interval(since=5, until=7)
    assert (interval.after_id, interval.last_id) == ("4-18446744073709551615", "6-18446744073709551615")
    assert (Interval().after_id, Interval().last_id) == ("", "+")
    assert (Interval(0, 0).after_id, Interval(0, 0).last_id) == ("", "0-0")


def test_an_interval_that_ends_before_it_begins_is_refused_in_words_that_name_no_option() -> None:
    with pytest.raises(WrongParameter, match=r"until: it lies before since$") as refused:
        interval_of("1h", "2h", NOW)
    assert refused.value.told_of_options == "it lies before --since"
