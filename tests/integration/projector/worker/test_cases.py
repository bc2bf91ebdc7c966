"""The five basic cases, through the public interfaces on a real server."""

from __future__ import annotations

import pytest

from projector import Bounds, Query
from tests.support.projection import Log
from tests.support.servers import Server

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("_either_carrier")]


def test_an_execution_is_recorded_and_found(log: Log) -> None:
    with log.producer() as producer, producer.execution("notify", source="watcher:idle-check") as run:
        run.output = "sent"
    log.drain()
    with Query(log.url, log.namespace) as query:
        (record,) = query.recent_action_executions()
        assert (record.action_id, record.source, record.execution_type) == ("notify", "watcher:idle-check", "command")
        assert record.success
        assert record.execution_id == run.execution_id
        assert query.action_stats("notify").total_executions == 1
        assert query.in_flight() == []


def test_a_failure_is_recorded_and_counted(log: Log) -> None:
    with log.producer() as producer:
        producer.action_execution_started("deploy", "cron:nightly", "task")
        producer.action_execution_completed("deploy", False, error="connection refused", duration_ms=5000)
    log.drain()
    with Query(log.url, log.namespace) as query:
        stats = query.action_stats("deploy")
        assert (stats.total_executions, stats.failures, stats.successes) == (1, 1, 0)
        assert (stats.avg_duration_ms, stats.last_error) == (5000, "connection refused")
        (failure,) = query.recent_failures()
        assert (failure.action_id, failure.source, failure.error) == ("deploy", "cron:nightly", "connection refused")


def test_a_cleanup_is_recorded_and_counted(log: Log) -> None:
    with log.producer() as producer:
        producer.cleanup_executed("stale-locks", "lock:deploy", "release", True)
    log.drain()
    with Query(log.url, log.namespace) as query:
        (cleanup,) = query.recent_cleanup_operations()
        assert (cleanup.scanner_id, cleanup.resource_id, cleanup.action) == ("stale-locks", "lock:deploy", "release")
        assert query.scanner_stats("stale-locks").total_cleanups == 1
        assert query.totals().cleanups == 1


def test_operations_survive_a_restart_of_projector_and_server(own_server: Server) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        with log.producer() as producer:
            producer.action_execution_completed("before", True, duration_ms=1)
            log.drain()
            producer.action_execution_completed("between", True, duration_ms=1)
        own_server.stop()
        own_server.start()
        with log.producer() as producer:
            producer.action_execution_completed("after", True, duration_ms=1)
        assert log.drain() == 2
        with Query(log.url) as query:
            assert [record.action_id for record in query.recent_action_executions()] == ["after", "between", "before"]
            assert query.totals().total_executions == 3


def test_the_history_is_bounded_to_the_newest_newest_first(log: Log) -> None:
    log.bounds = Bounds(max_entries=5)
    with log.producer() as producer:
        for number in range(10):
            producer.action_execution_completed("count", True, duration_ms=number, execution_id=f"run-{number}")
            if number % 3 == 0:
                log.drain()
    with Query(log.url, log.namespace) as query:
        found = [record.execution_id for record in query.recent_action_executions(limit=100)]
        assert found == [f"run-{number}" for number in (9, 8, 7, 6, 5)]
        stats = query.action_stats("count")
        assert (stats.total_executions, stats.duration_ms_max) == (10, 9)
