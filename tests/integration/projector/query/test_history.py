"""What ran over time, as `Query.history` tells it: against counts from the log, and where the answer has an end."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from projector.errors import Damaged, InvalidQuery
from projector.query import Query
from projector.query.questions.history import History, Step
from tests.support.projection import Log, completed, started

pytestmark = pytest.mark.server

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = 1_790_164_800_000  # 2026-09-23 12:00 UTC


@dataclass(frozen=True)
class Ended:
    at: int
    action: str
    failed: bool
    took: int


@pytest.fixture
def query(log: Log) -> Query:
    return Query(log.client, log.namespace)


def record(log: Log, events: list[Ended]) -> None:
    """Each as an entry of the log at its time."""
    for number, event in enumerate(events):
        log.add(completed(event.action, not event.failed, duration_ms=event.took), entry_id=f"{event.at}-{number}")
    log.drain()


def events_of(seed: int, *, count: int, span: int) -> list[Ended]:
    """`count` events, the last at NOON, spread over `span` ms before."""
    dice = random.Random(seed)
    times = sorted(NOON - dice.randrange(span) for _ in range(count - 1))
    return [
        Ended(at, dice.choice("abc"), dice.random() < 0.3, int(dice.lognormvariate(6, 2))) for at in [*times, NOON]
    ]


def counted(events: list[Ended], history: History, action: str | None, length: int) -> tuple[int, ...]:
    """Runs, failures, sum and maximum of durations of the events that lie in the history's points."""
    first, last = history.points[0].start, history.points[-1].start + length
    found = [event for event in events if first <= event.at < last and action in (None, event.action)]
    took = [event.took for event in found]
    return len(found), sum(event.failed for event in found), sum(took), max(took, default=0)


def summed(history: History) -> tuple[int, ...]:
    points = history.points
    longest = max(point.duration_ms_max for point in points)
    return history.runs, history.failures, sum(point.duration_ms_sum for point in points), longest


@pytest.mark.parametrize(
    ("step", "length", "span", "actions"),
    [
        ("minute", MINUTE, 6 * HOUR, [None]),
        ("hour", HOUR, 14 * DAY, [None, "a", "b"]),
        ("day", DAY, 40 * DAY, [None, "a", "b"]),
    ],
)
def test_the_sums_over_any_window_are_the_counts_from_the_log(
    log: Log, query: Query, step: Step, length: int, span: int, actions: list[str | None]
) -> None:
    events = events_of(7, count=400, span=span - length)
    record(log, events)
    dice = random.Random(8)
    for action in actions:
        for _ in range(5):
            since, until = sorted(NOON - dice.randrange(span - length) for _ in range(2))
            found = query.history(action, since=since, until=until + 1, step=step)
            assert summed(found) == counted(events, found, action, length)
            starts = [point.start for point in found.points]
            assert starts == list(range(since - since % length, until + 1, length))
            assert (found.complete, found.since) == (True, starts[0])


def test_percentiles_of_merged_points_are_those_of_all_their_durations_within_a_sixteenth(
    log: Log, query: Query
) -> None:
    events = events_of(9, count=500, span=10 * HOUR)
    record(log, events)
    found = query.history("a", since=NOON - 10 * HOUR, until=NOON + 1)
    took = sorted(event.took for event in events if event.action == "a")
    for percent in (1, 50, 90, 95, 99, 100):
        exact = took[math.ceil(len(took) * percent / 100) - 1]
        assert abs((found.percentile(percent) or 0) - exact) <= exact / 16
    for point in found.points:
        assert sum(point.durations.values()) == point.runs
        assert (point.p95_duration_ms is None) == (point.runs == 0)


def test_runs_presumed_dead_are_counted_where_they_were_found(log: Log, query: Query) -> None:
    log.add(started("a", "r"), entry_id=f"{NOON - HOUR}-0")
    dead = {"type": "action_execution_orphaned", "action_id": "a", "execution_id": "r", "reason": "gone"}
    log.add(json.dumps(dead | {"orphaned_at": NOON}), entry_id=f"{NOON}-0")
    log.drain()
    found = query.history("a", since=NOON - HOUR, until=NOON + 1)
    assert ([point.orphans for point in found.points], found.orphans, found.runs) == ([0, 1], 1, 0)
    assert (found.failure_rate, found.percentile(95)) == (None, None)


def test_what_is_older_than_what_is_kept_is_missing_unless_the_log_is_younger(log: Log, query: Query) -> None:
    record(log, [Ended(NOON - 20 * DAY, "a", False, 5), Ended(NOON, "a", False, 5)])
    kept_from = NOON - 335 * HOUR
    for since in (NOON - 20 * DAY, NOON - 15 * DAY):
        old = query.history("a", since=since, until=NOON + 1)
        assert (old.complete, old.since, old.points[0].start, old.runs) == (False, kept_from, kept_from, 1)
    whole = query.history("a", since=kept_from, until=NOON + 1)
    assert (whole.complete, whole.since, whole.runs) == (True, kept_from, 1)
    days = query.history("a", since=NOON - 20 * DAY, until=NOON + 1, step="day")
    assert (days.complete, days.runs) == (True, 2)


def test_a_log_that_begins_later_than_what_is_asked_for_lacks_nothing_unless_it_was_trimmed(
    log: Log, query: Query
) -> None:
    record(log, [Ended(NOON, "a", False, 5)])
    assert query.history(since=NOON - 300 * DAY, until=NOON + 1).complete
    log.client.hset(log.key("checkpoint"), "trimmed", 1)
    found = query.history(since=NOON - 300 * DAY, until=NOON + 1)
    assert (found.complete, found.since) == (False, NOON - 335 * HOUR)


def rollup(runs: int) -> str:
    fields = {"runs": runs, "failures": 0, "orphans": 0, "duration_ms_sum": 0, "duration_ms_max": 0, "durations": {}}
    return json.dumps(fields)


def test_an_action_that_may_be_among_the_others_of_a_bucket_is_whole_only_after_it(log: Log, query: Query) -> None:
    record(log, [Ended(NOON, "b", False, 5)])
    log.client.hset(log.key(f"history:hours:{NOON - 2 * HOUR}"), mapping={"(other)": rollup(3)})
    log.client.hset(log.key(f"history:hours:{NOON - HOUR}"), mapping={"(other)": rollup(3), "a": rollup(2)})
    found = query.history("a", since=NOON - 3 * HOUR, until=NOON + 1)
    assert (found.complete, found.since, found.runs) == (False, NOON - HOUR, 2)
    log.client.hset(log.key(f"history:hours:{NOON}"), "(other)", rollup(1))
    assert query.history("a", since=NOON - 3 * HOUR, until=NOON + 1).since is None


def test_of_more_than_1000_actions_the_first_are_told_whole_and_all_together(log: Log, query: Query) -> None:
    record(log, [Ended(NOON, f"action-{number}", False, 5) for number in range(1005)])
    first = query.history("action-999", since=NOON, until=NOON + 1)
    late = query.history("action-1000", since=NOON, until=NOON + 1)
    assert ((first.complete, first.runs), (late.complete, late.runs)) == ((True, 1), (False, 0))
    for step in ("minute", "hour", "day"):
        assert query.history(since=NOON, until=NOON + 1, step=step).runs == 1005


def test_an_empty_namespace_has_zeros(query: Query) -> None:
    usual: dict[Step, int] = {"minute": 60, "hour": 24, "day": 7}
    for step, length in usual.items():
        found = query.history(step=step)
        assert (len(found.points), found.runs, found.complete) == (length, 0, True)


def test_moments_are_datetimes_too_and_a_history_can_be_cut(log: Log, query: Query) -> None:
    record(log, [Ended(NOON - HOUR, "a", False, 5), Ended(NOON, "a", True, 5)])
    at = datetime.fromtimestamp(NOON / 1000, UTC)
    found = query.history(since=at.replace(hour=11, minute=59), until=at.replace(second=1))
    assert [point.runs for point in found.points] == [1, 1]
    assert found.failure_rate == 0.5
    assert found.between(NOON, NOON + HOUR).failure_rate == 1.0
    assert found.between(at, at.replace(hour=13)).failure_rate == 1.0


@pytest.mark.parametrize(
    ("action", "arguments", "told"),
    [
        (None, {"step": "week"}, "step: expected minute, hour or day .*days are kept for 400"),
        (None, {"step": ["hour"]}, "step: expected minute, hour or day"),
        ("a", {"step": "minute"}, r"step: expected hour or day for one action \(.*hours are kept for 14 days"),
        (None, {"since": "yesterday"}, "since: expected epoch milliseconds"),
        (None, {"since": NOON, "until": NOON}, "since: expected a moment before until"),
        (None, {"since": 2**45}, "since: expected a moment that has come, found 35184372088832"),
        (7, {}, "action_id: expected text"),
    ],
)
def test_what_makes_no_history_is_refused_with_what_is_kept(
    query: Query, action: object, arguments: dict[str, object], told: str
) -> None:
    with pytest.raises(InvalidQuery, match=told):
        query.history(action, **arguments)  # type: ignore[arg-type]


def test_what_nobody_wrote_is_named_by_its_key(log: Log, query: Query) -> None:
    log.client.hset(log.key("history:hours"), str(NOON), "garbage")
    with pytest.raises(Damaged, match="history:hours"):
        query.history(since=NOON, until=NOON + 1)
