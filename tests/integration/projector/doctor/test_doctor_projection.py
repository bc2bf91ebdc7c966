"""The doctor on the projection, the work and the producers: each fault is found and named with its cure."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from projector.bounds import Bounds
from projector.doctor import Finding, Severity, examine
from tests.support.findings import found, the_wrong_one
from tests.support.projection import Log, completed, started

pytestmark = pytest.mark.server

WRONG, WARNING, OK = Severity.WRONG, Severity.WARNING, Severity.OK


def void(_: object) -> None:
    """What a `sleep` returns."""


class TestProjection:
    @pytest.mark.parametrize("name", ["lease", "checkpoint", "in_flight", "quarantine", "executions"])
    def test_a_key_of_another_type(self, log: Log, name: str) -> None:
        log.add_completions(1)
        log.drain()
        log.client.delete(log.key(name))
        log.client.sadd(log.key(name), "x")
        (finding,) = found(log)["key-types"]
        assert finding.severity is WRONG
        assert finding.found.startswith(f"{log.key(name)}: expected a ")
        assert finding.found.endswith("found a set")
        assert finding.mend == (
            f"redis-cli DEL '{log.key(name)}'"
            if name == "lease"
            else f"projector rebuild --namespace {log.namespace}"
        )

    @pytest.mark.parametrize(
        "name",
        [
            "action:a",
            "durations:a",
            "executions:a",
            "failure_kinds:a",
            "scanner:s",
            "history:hours:",
            "history:days:",
        ],
    )
    def test_a_key_of_one_action_scanner_or_bucket_of_another_type(self, log: Log, name: str) -> None:
        log.add_completions(1)
        cleanup = {"scanner_id": "s", "resource_id": "r", "action": "delete", "success": True, "executed_at": 1}
        log.add(json.dumps({"type": "cleanup_executed", **cleanup}))
        log.drain()
        key = next(log.client.scan_iter(log.key(f"{name}*"), count=1000), log.key(name).encode())
        log.client.delete(key)
        log.client.set(key, "x")
        finding = the_wrong_one(log)
        assert (finding.check, finding.found.startswith(key.decode())) == ("key-types", True)

    def test_a_commit_written_by_half(self, log: Log) -> None:
        log.client.hset(log.key("checkpoint"), mapping={"torn": "5-5"})
        finding = the_wrong_one(log)
        assert (finding.check, "5-5" in finding.found) == ("projection", True)
        assert finding.mend == f"projector rebuild --namespace {log.namespace}"

    def test_a_projection_without_a_checkpoint(self, log: Log) -> None:
        log.add_completions(1)
        log.drain()
        log.client.delete(log.key("checkpoint"))
        assert the_wrong_one(log).found == "there is a projection, but not its checkpoint"

    def test_a_checkpoint_that_is_none(self, log: Log) -> None:
        log.client.hset(log.key("checkpoint"), mapping={"entries": "many"})
        assert all(finding.severity is WRONG for finding in found(log)["projection"])

    def test_a_projector_is_started_with_the_bounds_of_the_projection(self, log: Log) -> None:
        log.bounds = Bounds(max_entries=5)
        log.add_completions(1)
        log.drain()
        (none_active,) = found(log)["projector"]
        assert none_active.mend == f"projector run --max-entries 5 --namespace {log.namespace}"

    def test_quarantined_entries(self, log: Log) -> None:
        log.add("nonsense")
        log.drain()
        finding = the_wrong_one(log)
        assert (finding.check, finding.found) == ("quarantine", "1 entry could not be folded")
        assert finding.mend.startswith(f"projector quarantine list --namespace {log.namespace}")

    def test_totals_that_are_no_numbers_are_wrong(self, log: Log) -> None:
        log.add_completions(1)
        log.drain()
        log.client.hset(log.key("totals"), "failures", "abc")
        (finding,) = found(log)["projection"]
        assert finding.severity is WRONG
        assert finding.found.startswith(log.key("totals"))
        assert "rebuild" in finding.found


class TestProgress:
    def examined(self, log: Log, meanwhile: Callable[[float], object]) -> Finding:
        findings = examine(log.client, log.namespace, seconds=7, sleep=lambda seconds: void(meanwhile(seconds)))
        (finding,) = (one for one in findings if one.check == "lag")
        return finding

    def test_a_projector_that_stands_still(self, log: Log) -> None:
        log.client.set(log.key("lease"), "frozen", px=60_000)
        log.add_completions(2)
        waited: list[float] = []
        finding = self.examined(log, waited.append)
        assert (finding.severity, waited) == (WRONG, [7])
        assert finding.found == "2 entries wait, and none was projected in 7 s"

    def test_a_backlog_that_grows(self, log: Log) -> None:
        log.add_completions(2000)

        def more_than_it_can(_seconds: float) -> None:
            log.client.hset(log.key("checkpoint"), mapping={"entries": 10})
            log.add_completions(500)

        finding = self.examined(log, more_than_it_can)
        assert (finding.severity, finding.found) == (WRONG, "2,490 entries wait, 490 more than 7 s before")

    def test_a_backlog_that_is_worked_off(self, log: Log) -> None:
        log.add_completions(20)
        finding = self.examined(log, lambda _: log.drain())
        assert (finding.severity, finding.found) == (OK, "20 entries waited, and were projected meanwhile")

    def test_a_lease_that_never_ends(self, log: Log) -> None:
        log.client.set(log.key("lease"), "by-hand")
        (finding,) = found(log)["projector"]
        assert (finding.severity, finding.mend) == (WRONG, f"redis-cli DEL '{log.key('lease')}'")


class TestProducers:
    def add(self, log: Log, by: str, *numbers: int) -> None:
        for seq in numbers:
            log.add(completed("a"), "by", by, "seq", seq)

    def test_open_gaps_are_named_by_producer_the_worst_first(self, log: Log) -> None:
        self.add(log, "worker-1", 1, 3)
        self.add(log, "worker-2", 4, 9, 10)
        log.drain()
        findings = found(log)["gaps"]
        assert [(one.severity, one.found) for one in findings] == [
            (WRONG, "worker-2: 7 operations missing (1–3, 5–8)"),
            (WRONG, "worker-1: 1 operation missing (2)"),
        ]

    def test_many_producers_are_summed_up(self, log: Log) -> None:
        for number in range(12):
            self.add(log, f"worker-{number}", 2)
        log.drain()
        findings = found(log)["gaps"]
        assert len(findings) == 11
        assert findings[-1].found == "2 more producers: 2 operations missing"

    def test_what_is_missing_for_good_is_a_warning(self, log: Log) -> None:
        log.bounds = Bounds(max_gaps=1)
        self.add(log, "worker", 2, 4)
        log.drain()
        assert [one.severity for one in found(log)["gaps"]] == [WRONG, WARNING]
        assert found(log)["gaps"][1].found.startswith("1 operation missing for good")

    def test_records_of_odd_times_are_counted_each_once(self, log: Log) -> None:
        ahead = 1_000 * (2**41)
        log.add(started("a", "r1", started_at=1_790_000_000))
        log.add(completed("a", False, "r1"))  # in both lists, for its start
        log.add(completed("a"))
        log.add(completed("a", completed_at=5))
        cleanup = {"scanner_id": "s", "resource_id": "r", "action": "delete", "success": True, "executed_at": ahead}
        log.add(json.dumps({"type": "cleanup_executed", **cleanup}))
        log.add(started("b"))
        newest = log.add(started("c", started_at=1_790_000_000))
        log.drain()
        (finding,) = found(log)["odd-times"]
        assert finding.severity is WARNING
        assert finding.found == (
            "4 records of times before the year 2000 or more than a day ahead of the clock, the newest by entry "
            f"{newest}"
        )
        assert finding.mend

    def test_records_that_cannot_be_read_are_wrong(self, log: Log) -> None:
        log.client.rpush(log.key("cleanups"), "nonsense")
        (finding,) = found(log)["odd-times"]
        assert finding.severity is WRONG
        assert log.key("cleanups") in finding.found

    def test_gaps_that_were_accepted_are_content_and_new_ones_are_not(self, log: Log) -> None:
        self.add(log, "worker-1", 3)
        self.add(log, "worker-2", 2)
        log.drain()
        (first, _) = found(log)["gaps"]
        assert first.mend.endswith(f"accepts it: projector gaps accept worker-1 --namespace {log.namespace}")
        for producer_id, seq in (("worker-1", 2), ("worker-2", 1)):
            log.add(json.dumps({"type": "gaps_accepted", "producer_id": producer_id, "seq": seq, "accepted_at": 1}))
        log.drain()
        assert [(one.severity, one.found) for one in found(log)["gaps"]] == [
            (OK, "3 operations missing, accepted, of 2 producers")
        ]
        self.add(log, "worker-1", 5)
        log.drain()
        assert [(one.severity, one.found) for one in found(log)["gaps"]] == [
            (WRONG, "worker-1: 1 operation missing (4)")
        ]

    def test_what_is_missing_for_good_can_be_accepted(self, log: Log) -> None:
        log.bounds = Bounds(max_gaps=1)
        self.add(log, "worker", 2, 4)
        log.drain()
        assert found(log)["gaps"][1].mend.startswith("to accept that: projector gaps accept --all")
        log.add(json.dumps({"type": "gaps_accepted", "producer_id": "worker", "seq": 3, "accepted_at": 1}))
        log.drain()
        assert [(one.severity, one.found) for one in found(log)["gaps"]] == [
            (OK, "2 operations missing, accepted, of 1 producer")
        ]

    def test_numbers_that_are_none_are_wrong(self, log: Log) -> None:
        log.client.hset(log.key("producers"), "worker", "nonsense")
        assert [one.severity for one in found(log)["gaps"]] == [WRONG]

    def test_a_producer_that_fell_silent_with_runs_in_flight(self, log: Log) -> None:
        for seq, action in enumerate(("backup", "deploy"), start=1):
            log.add(started(action, heartbeats=True), "by", "dead", "seq", seq)
        log.add(started("sync", heartbeats=True), "by", "alive", "seq", 1)
        log.add(started("by-hand"))
        log.client.set(log.key("heartbeat:alive"), "1", px=60_000)
        log.drain()
        finding = the_wrong_one(log)
        assert finding.check == "heartbeats"
        assert finding.found == "dead is silent, with 2 runs in flight (backup, deploy)"

    def test_a_run_that_has_ended_meanwhile_makes_its_producer_not_silent(self, log: Log) -> None:
        log.add(started("backup", "r1", heartbeats=True), "by", "gone", "seq", 1)
        log.drain()
        findings = examine(log.client, log.namespace, sleep=lambda _: void(log.client.delete(log.key("in_flight"))))
        assert [one.severity for one in findings if one.check == "heartbeats"] == [OK]
