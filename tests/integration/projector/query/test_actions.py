"""All actions: in which order, and in how many round trips."""

from __future__ import annotations

import pytest
import redis

from producer.connection.wire import Wire
from projector.errors import InvalidQuery
from projector.query import Histogram, Query
from tests.support.projection import Log, completed, started

pytestmark = pytest.mark.server


@pytest.fixture
def query(log: Log) -> Query:
    """Of three actions: `steady` ran most, `broken` failed most, `slow` took longest and `new` has not ended."""
    for number in range(10):
        log.add(completed("steady", success=number > 1, duration_ms=10))
    for _ in range(5):
        log.add(completed("broken", success=False, duration_ms=20))
    log.add(completed("slow", duration_ms=60_000))
    log.add(started("new"))
    log.add(started("slow", "run-2"))
    log.drain()
    return Query(log.client, log.namespace)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("recency", ["slow", "broken", "steady"]),
        ("failures", ["broken", "steady", "slow"]),
        ("rate", ["broken", "steady", "slow"]),
        ("slowness", ["slow", "broken", "steady"]),
        ("volume", ["steady", "broken", "slow"]),
    ],
)
def test_actions_come_in_the_order_asked_for(query: Query, sort: str, expected: list[str]) -> None:
    found = query.actions(sort=sort)  # type: ignore[arg-type]
    assert [stats.action_id for stats in found] == expected
    assert query.actions(sort=sort, limit=2) == found[:2]  # type: ignore[arg-type]
    assert found == [query.action_stats(name) for name in expected]


def test_an_action_has_its_rate_its_percentiles_and_what_runs(query: Query) -> None:
    steady, slow = query.action_stats("steady"), query.action_stats("slow")
    assert (steady.success_rate, steady.p50_duration_ms, steady.p99_duration_ms, steady.running) == (0.8, 10, 10, 0)
    assert slow.running == 1
    never = query.action_stats("never")
    assert (never.success_rate, never.p95_duration_ms, never.running) == (None, None, 0)


def test_the_percentiles_of_failures_alone_are_told_on_request(query: Query, log: Log) -> None:
    log.add(completed("steady", success=False, duration_ms=500))
    log.drain()
    failed, all_runs = query.action_stats("steady", failures_only=True), query.action_stats("steady")
    assert (failed.p50_duration_ms, failed.p95_duration_ms, all_runs.p50_duration_ms) == (10, 499, 10)
    assert failed.total_executions == all_runs.total_executions == 11


def test_the_durations_of_several_actions_add_up(query: Query) -> None:
    found = query.durations(["steady", "broken", "never"])
    assert {name: histogram.count for name, histogram in found.items()} == {"broken": 5, "never": 0, "steady": 10}
    merged = Histogram.merged(found.values())
    assert [merged.percentile(percent) for percent in (66, 67)] == [10, 20]
    failed = query.durations(["steady"], failures_only=True)["steady"]
    assert (failed.count, failed.percentile(100)) == (2, 10)


def test_another_order_is_refused(query: Query) -> None:
    with pytest.raises(InvalidQuery, match=r"sort: expected one of recency, failures, .* found 'name'"):
        query.actions(sort="name")  # type: ignore[arg-type]


@pytest.mark.parametrize("sort", ["recency", "slowness"])
def test_a_thousand_actions_take_three_round_trips(
    client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    tag = f"{{{namespace}}}"
    with client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.zadd(f"{tag}:actions", {f"a{number}": number})
            fields = {"total_executions": 1, "successes": 1, "last_entry_id": f"{number}-0"}
            pipeline.hset(f"{tag}:action:a{number}", mapping=fields)  # type: ignore[arg-type]
            pipeline.hset(f"{tag}:durations:a{number}", mapping={number: 1})
        pipeline.execute()
    query = Query(client, namespace)
    query.totals()  # by then it knows that there are no partitions
    sent: list[int] = []
    ask = Wire.ask

    def counting(wire: Wire, commands: list[tuple[object, ...]]) -> list[object]:
        sent.append(len(commands))
        return ask(wire, commands)

    monkeypatch.setattr(Wire, "ask", counting)
    found = query.actions(sort=sort)  # type: ignore[arg-type]
    assert [stats.action_id for stats in found[:400]] == [f"a{number}" for number in range(999, 599, -1)]
    assert [stats.p95_duration_ms for stats in found[-60:]] == list(range(59, -1, -1))
    assert len(sent) <= 3, sent
