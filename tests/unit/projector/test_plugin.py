"""The pytest plugin, as the tests of an engine use it: each in a pytest run of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from projector.bounds import Bounds
from projector.testing import InMemoryWal
from tests.support.extras import lack_of

pytest_plugins = ["pytester"]

ENGINE_TESTS = """
import pytest
from producer import Producer

def fail():
    raise OSError("connection refused")

def test_a_failure_is_recorded(execution_wal):
    notify = execution_wal.producer.tracked("notify", source="watcher:idle-check")(fail)
    with pytest.raises(OSError):
        notify()
    assert execution_wal.query.action_stats("notify").failures == 0
    assert execution_wal.project() == 2
    assert execution_wal.query.action_stats("notify").failures == 1
    assert execution_wal.query.recent_failures()[0].error == "OSError: connection refused"

def test_each_test_has_a_log_of_its_own(execution_wal):
    assert execution_wal.project() == 0
    assert execution_wal.query.totals().total_executions == 0

def test_an_engine_makes_its_own_producer(execution_wal):
    with Producer(execution_wal.client) as producer:
        producer.cleanup_executed("stale-locks", "lock:deploy", "release", True)
    execution_wal.project()
    assert execution_wal.query.scanner_stats("stale-locks").successes == 1

@pytest.mark.parametrize("way", ["spool", "buffer"])
def test_an_engine_stores_and_forwards(execution_wal, tmp_path, way):
    options = {"spool": tmp_path / "spool"} if way == "spool" else {"buffer": 10}
    with Producer(execution_wal.client, **options) as producer:
        with producer.execution("backup", source="cron:nightly") as run:
            assert producer.flush()
            execution_wal.project()
            (running,) = execution_wal.query.in_flight()
            assert (running.execution_id, running.heartbeats) == (run.execution_id, True)
    assert execution_wal.project() == 2
    assert execution_wal.query.action_stats("backup").successes == 1
    assert execution_wal.query.status().missing == 0

def test_what_is_left_to_forward_when_a_test_ends_is_no_trouble(execution_wal):
    Producer(execution_wal.client, buffer=10).cleanup_executed("stale-locks", "lock:deploy", "release", True)
"""


@pytest.fixture
def engine_tests(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_engine=ENGINE_TESTS)
    return pytester


def run(engine_tests: pytest.Pytester, *options: str) -> pytest.RunResult:
    """In a process of its own, which finds the plugin by its entry point, as an engine's does."""
    return engine_tests.runpytest_subprocess("-p", "no:cacheprovider", *options)


def test_the_tests_of_an_engine_record_project_and_query_without_a_server(engine_tests: pytest.Pytester) -> None:
    run(engine_tests).assert_outcomes(passed=6)


def test_the_fixture_explains_itself(engine_tests: pytest.Pytester) -> None:
    run(engine_tests, "--fixtures").stdout.fnmatch_lines(["execution_wal*", "*in memory, on fakeredis*"])


def test_without_fakeredis_a_test_that_uses_the_fixture_says_what_to_install_and_others_run(
    engine_tests: pytest.Pytester,
) -> None:
    engine_tests.makeconftest("import sys; sys.modules['fakeredis'] = None")
    engine_tests.makepyfile(test_other="def test_other(): pass")
    result = run(engine_tests)
    result.assert_outcomes(passed=1, errors=6)
    assert lack_of("fakeredis", "testing") in result.stdout.str()


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    program = "import projector.pytest_plugin, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "projector.pytest_plugin" in loaded
    assert not {"redis", "fakeredis", "msgspec", "orjson", "typer", "rich", "projector.query"} & set(loaded)


# -- what stands in for the server --


@pytest.fixture
def wal() -> InMemoryWal:
    return InMemoryWal("mine", bounds=Bounds(max_entries=3))


def test_every_question_of_the_query_library_has_an_answer(wal: InMemoryWal) -> None:
    with wal.producer.execution("backup", source="manual") as run:
        wal.project()
        assert [record.execution_id for record in wal.query.in_flight()] == [run.execution_id]
    wal.producer.cleanup_executed("locks", "lock:a", "delete", False, error="busy")
    wal.client.xadd("{mine}:wal", {"op": "nonsense"})
    assert wal.project() == 4
    query = wal.query
    assert query.in_flight() == []
    assert query.orphans() == []
    assert [stats.action_id for stats in query.actions()] == ["backup"]
    assert [stats.scanner_id for stats in query.scanners()] == ["locks"]
    assert [record.error for record in query.recent_cleanup_operations()] == ["busy"]
    assert [record.success for record in query.recent_action_executions(action_id="backup")] == [True]
    assert (query.totals().successes, query.totals().cleanup_failures) == (1, 1)
    assert wal.client.xlen("{mine}:quarantine") == 1


def test_bounds_hold_and_projecting_again_changes_nothing(wal: InMemoryWal) -> None:
    for number in range(5):
        wal.producer.action_execution_completed("a", True, duration_ms=number)
    for _ in range(2):
        assert wal.project() == 5
        assert [record.duration_ms for record in wal.query.recent_action_executions()] == [4, 3, 2]
    assert wal.query.action_stats("a").total_executions == 5


def test_what_is_gone_from_the_projection_is_gone(wal: InMemoryWal) -> None:
    wal.producer.action_execution_completed("a", True, duration_ms=1)
    wal.project()
    wal.client.delete("{mine}:wal")
    assert wal.project() == 0
    assert wal.client.keys("*") == []


def test_the_status_is_told(wal: InMemoryWal) -> None:
    wal.producer.action_execution_completed("a", True, duration_ms=1)
    wal.project()
    status = wal.query.status()
    assert (status.entries, status.missing, status.duplicates, status.lease_holder) == (1, 0, 0, None)
