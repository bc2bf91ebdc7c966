"""The history checker is not blind: what is wrong with a history it says, and of a right one it says nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from producer import Producer, Receipt
from projector.bounds import Bounds
from projector.worker.projector import Projector
from tests.chaos.history.deed import Deed
from tests.chaos.history.history_checker import HistoryChecker
from tests.chaos.history.losses import Losses
from tests.chaos.history.standing_projection import StandingProjection
from tests.chaos.history.surviving_archive import Trail
from tests.chaos.history.surviving_log import LogEntry, read_log
from tests.chaos.writers.journal import Journal, read_journal
from tests.chaos.writers.way import Way
from tests.support.servers import Server

RUNS = 6


class Recorded:
    """A few runs and a cleanup, recorded, journalled and projected without any fault; to be falsified."""

    def __init__(self, client: redis.Redis, url: str, namespace: str, directory: Path, way: Way) -> None:
        self.client = client
        self.namespace = namespace
        journal = directory / "journal"
        with Producer(url, namespace, **way.options(directory)) as producer, Journal(journal) as written:
            record_all(producer, written)
        Projector(url, namespace, lease_ttl=1.0).drain()
        self.attempts = read_journal(journal)
        self.log = read_log(client, self.key("wal"))
        self.losses = Losses()

    def key(self, name: str) -> str:
        return f"{{{self.namespace}}}:{name}"

    def violations(self) -> list[str]:
        projection = StandingProjection(self.client, self.namespace)
        return HistoryChecker(self.attempts, Trail.of([], self.log), self.losses).violations(projection, Bounds())

    def appended(self, entry: LogEntry, *, entry_id: str, seq: int) -> LogEntry:
        return LogEntry(entry_id, entry.by, seq, entry.acked, entry.deed)


def record_all(producer: Producer, journal: Journal) -> None:
    for number in range(RUNS):
        run, success = f"run-{number}", number % 2 == 0

        def start(run: str = run) -> Receipt:
            return producer.action_execution_started("a", "manual", "task", execution_id=run)

        def complete(run: str = run, success: bool = success, duration: int = number) -> Receipt:
            return producer.action_execution_completed("a", success, duration_ms=duration, execution_id=run)

        _record(journal, Deed("started", f"{run}/started", "a", True, 0), start)
        _record(journal, Deed("completed", f"{run}/completed", "a", success, number), complete)
    cleanup = Deed("cleanup", "lock:deploy", "locks", True, 0)
    _record(journal, cleanup, lambda: producer.cleanup_executed("locks", "lock:deploy", "release", True))


def _record(journal: Journal, deed: Deed, send: Callable[[], Receipt]) -> None:
    journal.attempted(deed)
    journal.returned(deed, send())


@pytest.fixture
def recorded(client: redis.Redis, shared_server: Server, namespace: str, tmp_path: Path) -> Recorded:
    return Recorded(client, shared_server.url, namespace, tmp_path, Way.DIRECT)


@pytest.fixture
def spooled(client: redis.Redis, shared_server: Server, namespace: str, tmp_path: Path) -> Recorded:
    return Recorded(client, shared_server.url, namespace, tmp_path, Way.SPOOLED)


def test_of_a_right_history_it_says_nothing(recorded: Recorded) -> None:
    assert recorded.violations() == []


def test_an_acknowledged_operation_that_is_gone(recorded: Recorded) -> None:
    del recorded.log[3]
    said = recorded.violations()
    assert "gone from the log" in said[0]
    assert any("lost, and not missing" in sentence for sentence in said)


def test_what_a_fault_may_take_is_no_violation_once_it_is_missing(recorded: Recorded) -> None:
    recorded.losses.take([recorded.log.pop(3)])
    said = recorded.violations()
    assert not any("gone from the log" in sentence for sentence in said)
    assert any("lost, and not missing" in sentence for sentence in said)  # the projection still has it


def test_what_a_replica_has_acknowledged_no_failover_may_take(recorded: Recorded) -> None:
    recorded.attempts = [replace(attempt, replicated=True) for attempt in recorded.attempts]
    recorded.losses.take([recorded.log.pop(3)])
    assert "gone from the log" in recorded.violations()[0]


def test_what_was_in_a_buffer_is_promised_once_that_is_flushed(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        for number in (1, 2):
            deed = Deed("cleanup", f"lock:{number}", "locks", True, 0)
            journal.attempted(deed)
            journal.unanswered(deed, Receipt("host:1:0", number, None))
            if number == 1:
                journal.flushed()
    assert [attempt.is_promised for attempt in read_journal(tmp_path / "journal")] == [True, False]


def test_an_operation_that_nobody_attempted(recorded: Recorded) -> None:
    del recorded.attempts[2]
    assert "nobody attempted it" in recorded.violations()[0]


def test_an_operation_with_another_content_than_was_attempted(recorded: Recorded) -> None:
    attempt = recorded.attempts[1]
    recorded.attempts[1] = type(attempt)(
        attempt.deed._replace(success=False), attempt.by, attempt.seq, attempt.entry_id, attempt.returned_at
    )
    assert any("nobody attempted it" in sentence for sentence in recorded.violations())


def test_one_operation_that_stands_under_two_numbers(recorded: Recorded) -> None:
    last = recorded.log[-1]
    recorded.log.append(recorded.appended(recorded.log[1], entry_id="9999999999999-0", seq=last.seq + 1))
    assert any("under two numbers" in sentence for sentence in recorded.violations())


def test_a_receipt_that_names_another_entry(recorded: Recorded) -> None:
    recorded.log[1], recorded.log[2] = (
        recorded.appended(recorded.log[2], entry_id=recorded.log[1].id, seq=recorded.log[2].seq),
        recorded.appended(recorded.log[1], entry_id=recorded.log[2].id, seq=recorded.log[1].seq),
    )
    assert any("does not name its entry" in sentence for sentence in recorded.violations())


def test_a_repetition_that_was_counted(recorded: Recorded) -> None:
    repeated = recorded.log[1]
    recorded.log.append(recorded.appended(repeated, entry_id="9999999999999-0", seq=repeated.seq))
    assert any("duplicates: expected 1, found 0" in sentence for sentence in recorded.violations())


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("totals", "total_executions"),
        ("totals", "failures"),
        ("totals", "cleanups"),
        ("action:a", "total_executions"),
        ("action:a", "duration_ms_sum"),
        ("durations:a", "3"),
        ("scanner:locks", "successes"),
        ("checkpoint", "missing"),
        ("checkpoint", "duplicates"),
        ("checkpoint", "entries"),
    ],
)
def test_a_count_that_is_off_by_one(recorded: Recorded, name: str, field: str) -> None:
    recorded.client.hincrby(recorded.key(name), field, 1)
    assert any(sentence.startswith((name, field)) for sentence in recorded.violations())


@pytest.mark.parametrize("name", ["executions", "executions:a", "failures"])
def test_a_list_out_of_order(recorded: Recorded, name: str) -> None:
    newest = recorded.client.lpop(recorded.key(name))
    assert isinstance(newest, bytes)
    recorded.client.rpush(recorded.key(name), newest)
    assert any(sentence.startswith(f"{name}: expected") for sentence in recorded.violations())


@pytest.mark.parametrize("name", ["executions", "executions:a", "failures", "cleanups"])
def test_a_record_that_is_not_there(recorded: Recorded, name: str) -> None:
    recorded.client.lpop(recorded.key(name))
    assert any(sentence.startswith(f"{name}: expected") for sentence in recorded.violations())


class TestOfASpool:
    """A call that returned is a promise, though nobody is told when it was kept."""

    def test_of_a_right_history_it_says_nothing(self, spooled: Recorded) -> None:
        assert all(attempt.is_spooled for attempt in spooled.attempts)
        assert spooled.violations() == []

    def test_an_operation_that_is_gone(self, spooled: Recorded) -> None:
        del spooled.log[3]
        said = spooled.violations()
        assert "was spooled and gone from the log" in said[0]
        assert any("lost, and not missing" in sentence for sentence in said)

    @pytest.mark.parametrize(
        ("killed_in", "synced", "is_told"), [(0, False, False), (0, True, True), (100, False, True)]
    )
    def test_a_kill_of_the_server_may_take_what_just_left_the_spool(
        self, spooled: Recorded, killed_in: float, synced: bool, is_told: bool
    ) -> None:
        """But nothing that left it synced, and nothing that a later one of its producer followed long before."""
        del spooled.log[3]
        spooled.attempts = [replace(attempt, synced=synced) for attempt in spooled.attempts]
        spooled.losses.server_killed(time.monotonic() + killed_in)
        assert any("gone from the log" in sentence for sentence in spooled.violations()) == is_told

    def test_operations_out_of_order(self, spooled: Recorded) -> None:
        spooled.log[1], spooled.log[2] = spooled.log[2], spooled.log[1]
        assert any("later than number 3" in sentence for sentence in spooled.violations())

    def test_what_comes_again_is_not_out_of_order(self, spooled: Recorded) -> None:
        spooled.log.append(spooled.appended(spooled.log[1], entry_id="9999999999999-0", seq=spooled.log[1].seq))
        assert not any("later than number" in sentence for sentence in spooled.violations())

    def test_a_number_that_carries_another_operation(self, spooled: Recorded) -> None:
        spooled.log[1] = replace(spooled.log[1], deed=spooled.log[2].deed)
        assert any("under the number of" in sentence for sentence in spooled.violations())
