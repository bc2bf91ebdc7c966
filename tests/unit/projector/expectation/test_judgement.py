"""Whether an expectation holds, by facts and a clock that the test gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from projector.expectation import Expectation, Facts, State, judge

MINUTE, HOUR = 60_000, 3_600_000
NOW = 1_000 * HOUR
FINE = Facts(first_at=0, last_success_at=NOW - HOUR, started_at=NOW - HOUR, duration_ms=5_000)


@pytest.mark.parametrize(
    ("expected", "facts", "broken"),
    [
        (Expectation(action_id="a"), FINE, ()),
        (Expectation(action_id="a", max_failures=3), Facts(first_at=0, failures=3), ()),
        (Expectation(action_id="a", max_failures=3), Facts(first_at=0, failures=4), ("failures",)),
        (Expectation(action_id="a"), Facts(first_at=0, failures=1), ("failures",)),
        (Expectation(action_id="a", max_age_ms=HOUR), FINE, ()),
        (Expectation(action_id="a", max_age_ms=HOUR - 1), FINE, ("age",)),
        # Never a success: its age is that of the action.
        (Expectation(action_id="a", max_age_ms=HOUR), Facts(first_at=NOW - HOUR), ()),
        (Expectation(action_id="a", max_age_ms=HOUR), Facts(first_at=NOW - HOUR - 1), ("age",)),
        (Expectation(action_id="a", max_duration_ms=5_000), FINE, ()),
        (Expectation(action_id="a", max_duration_ms=4_999), FINE, ("duration",)),
        (Expectation(action_id="a", max_duration_ms=5_000), Facts(running_since=NOW - 5_001), ("running",)),
        (Expectation(action_id="a", every_ms=HOUR, grace_ms=MINUTE), FINE, ()),
        (Expectation(action_id="a", every_ms=HOUR - 3 * MINUTE, grace_ms=MINUTE), FINE, ("schedule",)),
        (Expectation(action_id="a", every_ms=HOUR, grace_ms=MINUTE), Facts(first_at=0), ("schedule",)),
        # What has started is not late, however long it runs.
        (Expectation(action_id="a", cron="0 * * * *", timezone="UTC"), FINE, ()),
        (Expectation(action_id="a", cron="30 * * * *", timezone="UTC"), FINE, ("schedule",)),
        (
            Expectation(action_id="a", cron="30 * * * *", timezone="UTC"),
            Facts(running_since=NOW - 90 * MINUTE, started_at=NOW - 30 * MINUTE),
            (),
        ),
    ],
)
def test_each_limit(expected: Expectation, facts: Facts, broken: tuple[str, ...]) -> None:
    found = judge(expected, facts, now=NOW)
    assert (found.broken, found.state) == (broken, State.CRITICAL if broken else State.OK)


def test_a_start_counts_for_a_moment_that_a_clock_half_a_minute_behind_calls_early() -> None:
    hourly = Expectation(action_id="a", cron="0 * * * *", timezone="UTC", grace_ms=0)
    early = [judge(hourly, Facts(started_at=NOW - ms, running_since=NOW - ms), now=NOW) for ms in (30_000, 30_001)]
    assert [found.broken for found in early] == [(), ("schedule",)]


def test_a_late_run_is_told_only_after_the_grace() -> None:
    hourly = Expectation(action_id="a", cron="0 * * * *", timezone="UTC", grace_ms=10 * MINUTE)
    facts = Facts(first_at=0, started_at=NOW - HOUR)
    assert judge(hourly, facts, now=NOW + 10 * MINUTE - 1).state is State.OK
    assert judge(hourly, facts, now=NOW + 10 * MINUTE).state is State.CRITICAL


def test_what_was_never_seen_is_unknown_unless_a_run_is_due() -> None:
    assert judge(Expectation(action_id="a", max_age_ms=1), Facts(), now=NOW).state is State.UNKNOWN
    due = Expectation(action_id="a", every_ms=1)
    assert judge(due, Facts(), now=NOW, stale="behind").state is State.UNKNOWN
    found = judge(due, Facts(), now=NOW)
    assert (found.state, found.broken) == (State.CRITICAL, ("schedule",))


def test_an_answer_that_may_be_old_warns_unless_a_limit_is_broken() -> None:
    assert judge(Expectation(action_id="a"), FINE, now=NOW, stale="behind").state is State.WARNING
    assert judge(Expectation(action_id="a"), replace(FINE, complete=False), now=NOW).state is State.WARNING
    assert judge(Expectation(action_id="a", max_age_ms=1), FINE, now=NOW, stale="behind").state is State.CRITICAL
