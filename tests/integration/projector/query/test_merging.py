"""Reading several namespaces together: the same as one that had all the operations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from threading import Thread
from typing import Any

import pytest
import redis

from producer.operations import ActionExecutionCompleted, ActionExecutionStarted, CleanupExecuted, encode
from producer.partitions.naming import partition_number, partition_of, partitions_key
from projector import AsyncQuery, Query
from projector.answers.documents.stats import action_overview
from projector.errors import InvalidQuery
from projector.query.sources import sources
from projector.worker.projector import Projector
from tests.support.projection import Log, completed, started
from tests.support.servers import Server

pytestmark = pytest.mark.server

PARTITIONS = 3
_NOW = int(time.time() * 1000) - 60_000


def operations() -> Iterator[tuple[str, Any]]:
    """With the name that each goes by, to a partition."""
    for n in range(120):
        action, scanner, run = f"act-{n * 7 % 5}", f"scan-{n % 3}", f"run-{n}"
        yield (
            action,
            ActionExecutionStarted(
                action_id=action, source="manual", execution_type="command", started_at=_NOW + n, execution_id=run
            ),
        )
        if n % 10:
            failed = n % 4 == 0
            error = f"disk {n} is full" if failed else None
            yield (
                action,
                ActionExecutionCompleted(
                    action_id=action,
                    success=not failed,
                    error=error,
                    duration_ms=n * n,
                    completed_at=_NOW + n,
                    execution_id=run,
                ),
            )
        yield (
            scanner,
            CleanupExecuted(
                scanner_id=scanner,
                resource_id=f"lock:{n % 4}",
                action="delete",
                success=n % 6 > 0,
                executed_at=_NOW + n,
                execution_id=run,
            ),
        )


@pytest.fixture
def recorded(client: redis.Redis, namespace: str, shared_server: Server) -> str:
    """All operations in `namespace`-whole, and in the partitions of `namespace`, under the same entry ids."""
    client.set(partitions_key(namespace), PARTITIONS)
    for number, (name, operation) in enumerate(operations()):
        partition = partition_of(namespace, partition_number(name, PARTITIONS))
        for log in (f"{namespace}-whole", partition):
            client.xadd(f"{{{log}}}:wal", {"op": encode(operation)}, id=f"{_NOW + number // 2}-{number % 2 + 1}")
    for log in (f"{namespace}-whole", *(partition_of(namespace, n) for n in range(PARTITIONS))):
        Projector(shared_server.url, log).drain()
    return shared_server.url


def bare(found: Any) -> Any:
    """Without the names of namespaces."""
    if isinstance(found, list):
        return [bare(one) for one in found]
    return replace(found, namespace="") if hasattr(found, "namespace") else found


QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "totals": ("totals", {}),
    "actions": ("actions", {}),
    "by slowness": ("actions", {"sort": "slowness", "limit": 2}),
    "an action": ("action_stats", {"action_id": "act-1"}),
    "scanners": ("scanners", {}),
    "a scanner": ("scanner_stats", {"scanner_id": "scan-1"}),
    "durations": ("durations", {"action_ids": ["act-0", "act-1", "none"]}),
    "percentiles": ("duration_percentiles", {"action_ids": ["act-0", "act-1", "none"]}),
    "executions": ("recent_action_executions", {"limit": 25}),
    "all executions": ("recent_action_executions", {"limit": None}),
    "failures": ("recent_failures", {"limit": 7}),
    "cleanups": ("recent_cleanup_operations", {"limit": 25}),
    "in flight": ("in_flight", {}),
    "running": ("running", {"limit": 5}),
    "orphans": ("orphans", {}),
    "kinds": ("failure_kinds", {"since": _NOW + 40}),
    "history": ("history", {"step": "hour"}),
    "trail": ("trail", {"resource": "lock:1", "limit": 10}),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_partitions_answer_as_one_namespace_with_all_operations(recorded: str, namespace: str, question: str) -> None:
    method, arguments = QUESTIONS[question]
    with Query(recorded, f"{namespace}-whole") as whole, Query(recorded, namespace) as merged:
        expected, found = (getattr(query, method)(**arguments) for query in (whole, merged))

    async def awaited() -> Any:
        async with AsyncQuery(recorded, namespace) as query:
            return await getattr(query, method)(**arguments)

    for answer in (found, asyncio.run(awaited())):
        assert bare(answer) == bare(expected)
        for flag in ("complete", "since"):
            assert getattr(answer, flag, None) == getattr(expected, flag, None)


def test_a_run_stands_beside_the_p95_of_its_own_namespace(
    client: redis.Redis, shared_server: Server, namespace: str
) -> None:
    logs = [Log(client, shared_server.url, f"{namespace}-{number}") for number in range(2)]
    for log, duration in zip(logs, (10, 5000), strict=True):
        log.add(completed("a", duration_ms=duration))
        log.add(started("a", "open", started_at=_NOW))
        log.add(started("b", "open", started_at=_NOW))
        log.drain()
    with Query(shared_server.url, namespaces=[log.namespace for log in logs]) as query:
        found, running = action_overview(query, "a"), query.running()
    assert found.in_flight == [run for run in running if run.action_id == "a"]
    assert len({run.p95_duration_ms for run in found.in_flight}) == 2


@pytest.mark.parametrize("reverse", [False, True])
def test_the_logs_merge_by_the_times_of_their_entries(recorded: str, namespace: str, reverse: bool) -> None:
    with Query(recorded, f"{namespace}-whole") as whole, Query(recorded, namespace) as merged:
        expected, found = (query.log(limit=100, reverse=reverse) for query in (whole, merged))
        assert [entry.entry_id for entry in found] == [entry.entry_id for entry in expected]
        assert (found.complete, found.since) == (expected.complete, expected.since)


def test_what_is_followed_comes_from_all_logs(recorded: str, namespace: str, client: redis.Redis) -> None:
    with Query(recorded, namespaces=[f"{namespace}.*"]) as query:
        entries = query.log(follow=True, limit=2)
        before = [next(entries), next(entries)]
        for number in (2, 0, 1):
            client.xadd(f"{{{partition_of(namespace, number)}}}:wal", {"op": "{}"})
        after = [next(entries).namespace for _ in range(3)]
    assert [entry.time for entry in before] == sorted(entry.time for entry in before)
    assert sorted(after) == [partition_of(namespace, number) for number in range(3)]


def test_what_is_followed_goes_on_in_partitions_that_take_the_place_of_an_empty_namespace(
    shared_server: Server, namespace: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name alone has no log any more once there are partitions."""
    monkeypatch.setattr(sources, "FIND_SECONDS", 0.1)
    with Query(shared_server.url, namespace) as query:
        entries = query.log(follow=True)
        found: list[str] = []

        def follow() -> None:
            found.extend(entry.namespace for entry in islice(entries, 2))

        follower = Thread(target=follow, daemon=True)
        follower.start()
        client.set(partitions_key(namespace), 2)
        for number in range(2):
            client.xadd(f"{{{partition_of(namespace, number)}}}:wal", {"op": "{}"})
        follower.join(30)
    assert sorted(found) == [partition_of(namespace, number) for number in range(2)]


def test_arguments_that_exclude_each_other_are_refused() -> None:
    for namespaces in ("team-*", [5]):
        with pytest.raises(InvalidQuery):
            Query("redis://localhost", namespaces=namespaces)  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery):
        Query("redis://localhost", "team", namespaces=["other"])
