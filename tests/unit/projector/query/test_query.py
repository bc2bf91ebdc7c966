"""The query library against a projection written by hand, as the table of keys in docs/architecture.md has it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict
from typing import Any

import fakeredis
import orjson
import pytest
import redis

from producer.errors import UnusableServer
from projector.bounds import Bounds
from projector.errors import Damaged, InvalidQuery
from projector.query import ActionStats, Query, ScannerStats, Totals
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord

NS = "{otters}"


@pytest.fixture
def server() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis(version=(7, 2))


@pytest.fixture
def query(server: fakeredis.FakeRedis) -> Query:
    return Query(server)


def execution(number: int, action_id: str = "backup", *, success: bool = True) -> ActionExecutionRecord:
    return ActionExecutionRecord(
        namespace="otters",
        action_id=action_id,
        source="cron:nightly",
        execution_type="command",
        success=success,
        duration_ms=1000 + number,
        error=None if success else "connection refused",
        timestamp=1_790_000_000_000 + number,
        execution_id=f"run-{number}",
        started_at=1_790_000_000_000,
        by="host:1:abc",
        entry_id=f"1790000000000-{number}",
    )


def cleanup(number: int, scanner_id: str = "stale-locks") -> CleanupRecord:
    return CleanupRecord(
        scanner_id,
        f"lock:{number}",
        "release",
        True,
        None,
        1_790_000_000_000 + number,
        None,
        f"1790000000000-{number}",
        namespace="otters",
    )


def in_flight(entry_id: str, action_id: str = "backup") -> InFlightRecord:
    return InFlightRecord(
        action_id, "manual", "command", 1_790_000_000_000, entry_id, None, False, entry_id, namespace="otters"
    )


def push(server: fakeredis.FakeRedis, key: str, *records: Any) -> None:
    """As the projector does: the latest record at the head."""
    for record in records:
        server.lpush(f"{NS}:{key}", orjson.dumps(record))


def bound(server: fakeredis.FakeRedis, **bounds: int) -> None:
    server.hset(f"{NS}:checkpoint", "config", Bounds(**bounds).config())


class TestRecentActionExecutions:
    def test_answers_the_latest_first(self, server: fakeredis.FakeRedis, query: Query) -> None:
        push(server, "executions", *[execution(n) for n in range(12)])
        assert query.recent_action_executions() == [execution(n) for n in range(11, 1, -1)]
        assert query.recent_action_executions(2) == [execution(11), execution(10)]
        assert query.recent_action_executions(0) == []
        assert len(query.recent_action_executions(10**30)) == 12

    def test_filters_by_success_before_the_limit(self, server: fakeredis.FakeRedis, query: Query) -> None:
        push(server, "executions", *[execution(n, success=n < 3) for n in range(9)])
        assert query.recent_action_executions(2, success=True) == [execution(2), execution(1)]

    def test_failures_are_found_though_successes_have_evicted_them(
        self, server: fakeredis.FakeRedis, query: Query
    ) -> None:
        failed = [execution(n, success=False) for n in range(3)]
        push(server, "failures", *failed)
        push(server, "executions", *[execution(n) for n in range(3, 9)])
        assert query.recent_action_executions(success=False) == failed[::-1]
        assert query.recent_failures(2) == [failed[2], failed[1]]

    def test_filters_by_action_before_the_limit(self, server: fakeredis.FakeRedis, query: Query) -> None:
        of_a, of_b = [execution(n, "a") for n in range(3)], [execution(n, "b") for n in range(3, 9)]
        push(server, "executions", *of_a, *of_b)
        push(server, "executions:a", *of_a)
        push(server, "executions:b", *of_b)
        assert query.recent_action_executions(2, action_id="a") == [of_a[2], of_a[1]]
        assert query.recent_action_executions(2, action_id="never seen") == []

    def test_one_action_is_found_further_back_than_its_own_list_reaches(
        self, server: fakeredis.FakeRedis, query: Query
    ) -> None:
        of_a = [execution(n, "a") for n in range(5)]
        push(server, "executions", *of_a, execution(5, "b"))
        push(server, "executions:a", *of_a[-2:])
        bound(server, max_action_entries=2)
        assert query.recent_action_executions(4, action_id="a") == of_a[:0:-1]
        assert query.recent_action_executions(4, action_id="a", success=True) == of_a[:0:-1]

    def test_failures_of_one_action_come_from_its_own_list_and_from_the_failures(
        self, server: fakeredis.FakeRedis, query: Query
    ) -> None:
        of_a = [execution(n, "a", success=False) for n in range(4)]
        push(server, "failures", *of_a[:2], execution(9, "b", success=False), *of_a[2:])
        push(server, "executions:a", *of_a[2:], *[execution(n, "a") for n in range(20, 25)])
        bound(server, max_action_entries=7, max_entries=6)
        assert query.recent_action_executions(action_id="a", success=False) == of_a[::-1]
        # … and the other way round: the flood came from another action's failures.
        server.delete(f"{NS}:failures")
        push(server, "failures", of_a[3], *[execution(n, "b", success=False) for n in range(30, 35)])
        assert query.recent_action_executions(action_id="a", success=False) == [of_a[3], of_a[2]]

    @pytest.mark.parametrize("limit", [-1, True, "5", 2.0])
    def test_a_limit_that_is_no_count_is_refused(self, query: Query, limit: Any) -> None:
        for method in (query.recent_action_executions, query.recent_failures, query.recent_cleanup_operations):
            with pytest.raises(ValueError, match="limit: expected a whole number from 0, or None, found") as caught:
                method(limit)
            assert isinstance(caught.value, InvalidQuery)

    def test_a_filter_of_a_wrong_type_is_refused(self, query: Query) -> None:
        with pytest.raises(InvalidQuery, match=r"success: expected True, False or None, found 'no'"):
            query.recent_action_executions(success="no")  # type: ignore[arg-type]
        with pytest.raises(InvalidQuery, match=r"action_id: expected text, found b'a'"):
            query.recent_action_executions(action_id=b"a")  # type: ignore[arg-type]
        with pytest.raises(InvalidQuery, match=r"scanner_id: expected text that UTF-8 can carry"):
            query.recent_cleanup_operations(scanner_id="\udc80")
        with pytest.raises(InvalidQuery, match="action_id"):
            query.action_stats("\udc80")


def test_cleanups_are_filtered_by_scanner_before_the_limit(server: fakeredis.FakeRedis, query: Query) -> None:
    push(server, "cleanups", *[cleanup(n) for n in range(3)], *[cleanup(n, "worktrees") for n in range(3, 9)])
    assert query.recent_cleanup_operations(1) == [cleanup(8, "worktrees")]
    assert query.recent_cleanup_operations(2, scanner_id="stale-locks") == [cleanup(2), cleanup(1)]


@pytest.mark.parametrize("key", ["in_flight", "orphans"])
def test_runs_that_have_not_ended_come_the_latest_start_first_by_number_not_by_text(
    server: fakeredis.FakeRedis, query: Query, key: str
) -> None:
    for entry_id in ("1790000000000-9", "1790000000000-10", "999-1"):
        server.hset(f"{NS}:{key}", f"backup#{entry_id}", orjson.dumps(in_flight(entry_id)))
    found = query.in_flight() if key == "in_flight" else query.orphans()
    assert found == [in_flight("1790000000000-10"), in_flight("1790000000000-9"), in_flight("999-1")]


STATISTICS = {
    "total_executions": 1,
    "successes": 0,
    "failures": 1,
    "orphaned": 2,
    "avg_duration_ms": 5000,
    "duration_ms_sum": 5001,
    "duration_ms_min": 5002,
    "duration_ms_max": 5003,
    "first_at": 1_790_000_000_001,
    "last_at": 1_790_000_000_002,
    "last_success_at": 1_790_000_000_003,
    "last_failure_at": 1_790_000_000_004,
    "last_error": "connection refused",
    "consecutive_failures": 3,
    "last_entry_id": "1790000000005-0",
}


class TestStatistics:
    def test_of_an_action_are_the_fields_of_its_hash(self, server: fakeredis.FakeRedis, query: Query) -> None:
        server.hset(f"{NS}:action:deploy", mapping=STATISTICS)  # type: ignore[arg-type]
        server.hset(f"{NS}:durations:deploy", mapping={8: 90, 9: 5, 101: 5})
        server.hset(f"{NS}:in_flight", "deploy", orjson.dumps(in_flight("1-0", "deploy")))
        reckoned: dict[str, object] = {
            "resolved": 0,
            "running": 1,
            "success_rate": 0.0,
            "p50_duration_ms": 8,
            "p90_duration_ms": 8,
        }
        reckoned |= {"p95_duration_ms": 9, "p99_duration_ms": 100}
        assert asdict(query.action_stats("deploy")) == {"action_id": "deploy", **STATISTICS, **reckoned}

    def test_of_an_action_never_seen_are_zeros_and_no_times(self, query: Query) -> None:
        counts = (0,) * 8
        assert query.action_stats("x") == ActionStats("x", *counts, None, None, None, None, None, 0, None)

    def test_a_failure_without_a_text_has_no_last_error(self, server: fakeredis.FakeRedis, query: Query) -> None:
        server.hset(f"{NS}:action:deploy", mapping=STATISTICS | {"last_error": ""})  # type: ignore[arg-type]
        assert query.action_stats("deploy").last_error is None

    def test_of_all_actions_come_the_latest_activity_first(self, server: fakeredis.FakeRedis, query: Query) -> None:
        for action_id, entry_id in [("a", "1000-9"), ("b", "1000-10"), ("c", "2000-0"), ("ü", "999-0")]:
            server.zadd(f"{NS}:actions", {action_id: int(entry_id.partition("-")[0])})
            server.hset(f"{NS}:action:{action_id}", mapping=STATISTICS | {"last_entry_id": entry_id})  # type: ignore[arg-type]
        assert [stats.action_id for stats in query.actions()] == ["c", "b", "a", "ü"]
        assert query.actions()[0] == query.action_stats("c")

    def test_of_more_actions_than_one_round_trip_takes(self, server: fakeredis.FakeRedis, query: Query) -> None:
        for number in range(1001):
            server.zadd(f"{NS}:actions", {f"a{number}": number})
            server.hset(
                f"{NS}:action:a{number}", mapping={"total_executions": number, "last_entry_id": f"{number}-0"}
            )
        assert [stats.total_executions for stats in query.actions()] == list(range(1000, -1, -1))

    def test_an_action_that_was_evicted_meanwhile_is_left_out(
        self, server: fakeredis.FakeRedis, query: Query
    ) -> None:
        server.zadd(f"{NS}:actions", {"gone": 1})
        assert query.actions() == []

    def test_of_a_scanner_count_what_it_did_by_name(self, server: fakeredis.FakeRedis, query: Query) -> None:
        fields = {
            "total_cleanups": 3,
            "successes": 2,
            "failures": 1,
            "last_at": 1_790_000_000_000,
            "last_error": "busy",
            "last_entry_id": "7-0",
            "action:release": 2,
            "action:(other)": 1,
        }
        server.hset(f"{NS}:scanner:stale-locks", mapping=fields)  # type: ignore[arg-type]
        server.zadd(f"{NS}:scanners", {"stale-locks": 7})
        expected = ScannerStats(
            "stale-locks", 3, 2, 1, 1_790_000_000_000, "busy", "7-0", {"(other)": 1, "release": 2}
        )
        assert query.scanner_stats("stale-locks") == expected
        assert query.scanners() == [expected]
        assert query.scanner_stats("x") == ScannerStats("x", 0, 0, 0, None, None, None, {})

    def test_totals(self, server: fakeredis.FakeRedis, query: Query) -> None:
        assert query.totals() == Totals(0, 0, 0, 0, 0, 0)
        names = ["total_executions", "successes", "failures", "orphaned", "cleanups", "cleanup_failures"]
        server.hset(f"{NS}:totals", mapping=dict(zip(names, range(1, 7), strict=True)))
        assert query.totals() == Totals(1, 2, 3, 4, 5, 6)

    def test_results_are_frozen(self, query: Query) -> None:
        with pytest.raises(FrozenInstanceError):
            query.totals().cleanups = 1  # type: ignore[misc]


class TestDamage:
    @pytest.mark.parametrize(
        "raw",
        [
            b"{",
            b"[]",
            b'"text"',
            b'{"action_id": "a"}',
            orjson.dumps({**asdict(execution(1)), "duration_ms": "5"}),
            orjson.dumps({**asdict(execution(1)), "success": 1}),
            orjson.dumps({**asdict(execution(1)), "timestamp": True}),
            orjson.dumps({**asdict(execution(1)), "action_id": None}),
        ],
    )
    def test_a_record_that_is_none_names_the_key_and_the_cure(
        self, server: fakeredis.FakeRedis, query: Query, raw: bytes
    ) -> None:
        server.lpush(f"{NS}:executions", raw)
        with pytest.raises(Damaged, match=r"\{otters\}:executions holds .*ActionExecutionRecord.*projector rebuild"):
            query.recent_action_executions()

    def test_fields_of_a_later_version_are_ignored(self, server: fakeredis.FakeRedis, query: Query) -> None:
        push(server, "executions", {**asdict(execution(1)), "new": 1})
        assert query.recent_action_executions() == [execution(1)]

    @pytest.mark.parametrize(
        ("key", "fields", "ask"),
        [
            ("totals", {"failures": "many"}, lambda query: query.totals()),
            ("action:a", {"last_at": "yesterday"}, lambda query: query.action_stats("a")),
            ("action:a", {"last_error": b"\xff"}, lambda query: query.action_stats("a")),
            ("scanner:a", {"action:x": "y"}, lambda query: query.scanner_stats("a")),
            ("scanner:a", {"failures": "y"}, lambda query: query.scanner_stats("a")),
            ("checkpoint", {"entries": "y"}, lambda query: query.status()),
            ("checkpoint", {"config": "[]"}, lambda query: query.status()),
        ],
    )
    def test_a_hash_that_holds_something_else_is_named(
        self, server: fakeredis.FakeRedis, query: Query, key: str, fields: Any, ask: Callable[[Query], object]
    ) -> None:
        server.hset(f"{NS}:{key}", mapping=fields)
        with pytest.raises(Damaged, match=rf"\{{otters\}}:{key} holds .*projector rebuild"):
            ask(query)

    def test_a_name_that_is_no_text_is_damage_to_the_index(self, server: fakeredis.FakeRedis, query: Query) -> None:
        server.zadd(f"{NS}:actions", {b"\xff": 1})
        with pytest.raises(Damaged, match=r"\{otters\}:actions holds a name that is no UTF-8"):
            query.actions()


class TestStatus:
    def test_of_a_namespace_that_nobody_has_written_to(self, query: Query) -> None:
        status = query.status()
        assert (status.namespace, status.checkpoint, status.entries, status.wal_length) == ("otters", None, 0, 0)
        assert (status.lag, status.lease_holder, status.lease_ttl_ms) == (0, None, None)
        assert (status.schema, status.config, status.torn) == (None, None, False)

    def test_of_a_projection(self, server: fakeredis.FakeRedis, query: Query) -> None:
        counters = ["quarantined", "duplicates", "missing", "trimmed"]
        counters += ["in_flight_replaced", "in_flight_evicted", "actions_evicted"]
        fields: dict[str, Any] = dict(zip(counters, range(1, 8), strict=True))
        fields |= {"last_id": "5-1", "entries": 40, "schema": "1", "config": '{"max_entries":1000}', "torn": "6-0"}
        server.hset(f"{NS}:checkpoint", mapping=fields)  # type: ignore[arg-type]
        server.set(f"{NS}:lease", "host:1:abc", px=5000)
        server.hset(f"{NS}:in_flight", mapping={"a": "…", "b": "…"})
        server.hset(f"{NS}:orphans", "c", "…")
        status = query.status()
        assert (status.checkpoint, status.entries, status.in_flight, status.orphans) == ("5-1", 40, 2, 1)
        assert [getattr(status, name) for name in counters] == list(range(1, 8))
        assert (status.schema, status.config, status.torn) == ("1", {"max_entries": 1000}, True)
        assert status.lease_holder == "host:1:abc"
        assert status.lease_ttl_ms is not None
        assert 0 < status.lease_ttl_ms <= 5000


class TestClient:
    def test_nothing_is_sent_on_construction_and_what_cannot_be_used_is_refused(self) -> None:
        Query("redis://127.0.0.1:1/0").close()
        with pytest.raises(UnusableServer, match="decode_responses"):
            Query(redis.Redis(decode_responses=True))
        with pytest.raises(UnusableServer, match="namespace"):
            Query("redis://127.0.0.1:1/0", "no spaces")

    def test_without_a_url_it_takes_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("WAL_URL", raising=False)
        with pytest.raises(UnusableServer, match="WAL_URL"):
            Query()
        monkeypatch.setenv("WAL_URL", "redis://127.0.0.1:1/0")
        Query().close()

    def test_reading_loads_neither_the_worker_nor_the_fold(self) -> None:
        code = (
            "import sys; from projector import Query, ActionStats, Damaged; "
            "print(*[name for name in sys.modules if name.split('.')[0] in ('projector', 'typer', 'rich')])"
        )
        loaded = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        assert "projector.query.query" in loaded
        parts = {"fold", "commit", "worker", "cli", "embedded", "typer", "rich"}
        assert [name for name in loaded if parts & set(name.split("."))] == []
