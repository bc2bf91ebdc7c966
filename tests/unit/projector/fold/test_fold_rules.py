"""One test for each rule of "The rules of the fold" in docs/architecture.md: whoever changes a rule sees which."""

from __future__ import annotations

from typing import Any

import pytest

from projector.bounds import Bounds
from projector.fold.fold import execution_key
from tests.support.fold.logs import (
    Fields,
    accepted,
    broken_completion,
    cleaned,
    completed,
    dropped,
    entry,
    folded,
    lost,
    orphaned,
    projected,
    projection_of,
    resolved,
    sealed,
    started,
)
from tests.support.fold.model import Projection


def checkpoint(projection: Projection, *names: str) -> tuple[str, ...]:
    return tuple(projection["checkpoint"][name] for name in names)


def quarantined(projection: Projection) -> dict[str, dict[bytes, bytes]]:
    """The quarantine as id → fields, where no name comes twice."""
    return {
        entry_id: dict(zip(fields[0::2], fields[1::2], strict=True))
        for entry_id, fields in projection.get("quarantine", [])
    }


def reason_of(*entries: Fields | bytes) -> str:
    """Why the last of the entries was quarantined."""
    return quarantined(projected(*entries))[f"{len(entries)}-0"][b"reason"].decode()


class TestRuns:
    def test_a_run_is_named_by_its_action_and_its_execution_id(self) -> None:
        assert execution_key("backup", "r1") == "backup#r1"
        assert execution_key("backup", None) == "backup"

    def test_a_start_is_in_flight_with_all_that_is_known_of_it(self) -> None:
        projection = projected(entry(started("backup", "r1", at=7, heartbeats=True), by="host:1:ab", seq=1))
        assert projection["in_flight"] == {
            "backup#r1": {
                "action_id": "backup",
                "source": "manual",
                "execution_type": "command",
                "started_at": 7,
                "execution_id": "r1",
                "by": "host:1:ab",
                "heartbeats": True,
                "entry_id": "1-0",
            }
        }

    def test_a_start_counts_nothing_of_its_action(self) -> None:
        projection = projected(started("backup"))
        assert "actions" not in projection
        assert projection["totals"]["total_executions"] == "0"

    def test_runs_with_an_execution_id_of_their_own_overlap(self) -> None:
        projection = projected(started("a", "x"), started("a", "y"), started("a"), completed("a", "x"))
        assert list(projection["in_flight"]) == ["a#y", "a"]

    def test_a_second_start_under_the_same_key_replaces_the_first(self) -> None:
        projection = projected(started("a", at=1), started("a", at=2))
        assert projection["in_flight"]["a"]["started_at"] == 2
        assert checkpoint(projection, "in_flight_replaced") == ("1",)

    def test_a_completion_takes_what_the_start_said(self) -> None:
        projection = projected(
            entry(started("a", "x", at=7), by="p", seq=1),
            entry(completed("a", "x", success=False, error="e", duration_ms=3, at=10), by="q", seq=1),
        )
        assert "in_flight" not in projection
        assert projection["executions"] == [
            {
                "action_id": "a",
                "source": "manual",
                "execution_type": "command",
                "success": False,
                "duration_ms": 3,
                "error": "e",
                "timestamp": 10,
                "execution_id": "x",
                "started_at": 7,
                "by": "q",
                "entry_id": "2-0",
            }
        ]
        assert projection["executions:a"] == projection["failures"] == projection["executions"]

    def test_a_completion_without_a_start_counts_and_knows_nothing_of_it(self) -> None:
        projection = projected(started("a", "x"), completed("a", "y"))
        (record,) = projection["executions"]
        assert (record["source"], record["execution_type"], record["started_at"]) == (None, None, None)
        assert projection["action:a"]["total_executions"] == "1"
        assert list(projection["in_flight"]) == ["a#x"]


class TestWhoAndWhat:
    def test_a_record_carries_what_its_start_and_its_end_say(self) -> None:
        start = started("a", "x", command="make all", attempt=3, labels={"host": "h1", "user": "u"})
        (record,) = projected(start, completed("a", "x", exit_code=-9, labels={"user": "v"}))["executions"]
        found = [record[name] for name in ("command", "attempt", "exit_code", "labels")]
        assert found == ["make all", 3, -9, {"host": "h1", "user": "v"}]

    def test_a_run_in_flight_and_a_cleanup_carry_theirs(self) -> None:
        projection = projected(
            started("a", command="make", attempt=1, labels={"host": "h1"}),
            cleaned("s", execution_id="x", labels={"host": "h2"}),
        )
        run, (cleanup,) = projection["in_flight"]["a"], projection["cleanups"]
        assert (run["command"], run["attempt"], run["labels"]) == ("make", 1, {"host": "h1"})
        assert (cleanup["execution_id"], cleanup["labels"]) == ("x", {"host": "h2"})

    def test_what_was_not_given_is_not_there(self) -> None:
        (record,) = projected(started("a", labels={}), completed("a"))["executions"]
        assert record.keys().isdisjoint({"command", "attempt", "labels", "exit_code", "orphaned", "resolved"})


class TestResolutions:
    @pytest.mark.parametrize("before", [[started("a", "x", at=7)], [started("a", "x", at=7), orphaned("a", "x")]])
    @pytest.mark.parametrize("success", [True, False])
    def test_a_resolved_run_is_an_end_without_a_duration(self, before: list[bytes], success: bool) -> None:
        projection = projected(*before, resolved("a", "x", success=success))
        assert projection.keys().isdisjoint({"in_flight", "orphans"})
        record = projection["executions"][0]
        assert (record["resolved"], record["success"], record["duration_ms"]) == (True, success, None)
        assert (record["error"], record["timestamp"]) == (None if success else "looked after", 2500)
        ends = {"total_executions": "1", "successes": str(int(success)), "failures": str(int(not success))}
        assert projection["totals"].items() >= (ends | {"orphaned": "0"}).items()
        statistics = projection["action:a"]
        assert statistics.items() >= (ends | {"orphaned": "0", "resolved": "1", "avg_duration_ms": "0"}).items()
        assert statistics["consecutive_failures"] == str(int(not success))

    def test_a_run_that_is_not_open_cannot_be_resolved(self) -> None:
        ended = [started("a", "x"), completed("a", "x")]
        assert projected(*ended, resolved("a", "x")) == projected(*ended, dropped("1-0"))

    def test_the_average_is_of_the_runs_that_have_a_duration(self) -> None:
        open_run = started("a", "x")
        statistics = projected(completed("a", duration_ms=10), open_run, resolved("a", "x"))["action:a"]
        assert (statistics["avg_duration_ms"], statistics["total_executions"]) == ("10", "2")
        again = projected(open_run, resolved("a", "x"), completed("a", duration_ms=10))["action:a"]
        assert again["avg_duration_ms"] == "10"


class TestOrphans:
    def test_an_orphan_leaves_in_flight_and_is_counted(self) -> None:
        projection = projected(started("a", "x", at=7), orphaned("a", "x"))
        assert "in_flight" not in projection
        orphan = projection["orphans"]["a#x"]
        assert (orphan["started_at"], orphan["entry_id"]) == (7, "2-0")
        assert (projection["totals"]["orphaned"], projection["action:a"]["orphaned"]) == ("1", "1")
        assert projection["action:a"]["total_executions"] == "0"

    def test_an_orphan_leaves_a_record_among_executions_and_failures(self) -> None:
        start = started("a", "x", at=7, command="make", attempt=2, labels={"host": "h1"})
        projection = projected(entry(start, by="p", seq=1), orphaned("a", "x"))
        expected = {
            "action_id": "a",
            "source": "manual",
            "execution_type": "command",
            "success": False,
            "duration_ms": None,
            "error": "no heartbeat",
            "timestamp": 2000,
            "execution_id": "x",
            "started_at": 7,
            "by": "p",
            "entry_id": "2-0",
            "command": "make",
            "attempt": 2,
            "labels": {"host": "h1"},
            "orphaned": True,
        }
        assert projection["executions"] == projection["executions:a"] == projection["failures"] == [expected]

    def test_an_orphan_is_one_failure_in_a_row_and_no_end(self) -> None:
        statistics = projected(completed("a", success=False, error="first"), started("a", "x"), orphaned("a", "x"))
        found = statistics["action:a"]
        assert (found["consecutive_failures"], found["failures"], found["total_executions"]) == ("2", "1", "1")
        assert (found["last_error"], found["last_failure_at"], found["last_at"]) == ("no heartbeat", "2000", "1005")

    @pytest.mark.parametrize(
        ("between", "expected"),
        [
            ([], 1),
            ([completed("a", success=False)], 2),
            ([completed("a")], 1),
            ([completed("a"), started("a", "y"), orphaned("a", "y")], 2),
        ],
    )
    def test_a_failed_end_after_all_counts_once_among_the_failures_in_a_row(
        self, between: list[bytes], expected: int
    ) -> None:
        end = completed("a", "x", success=False)
        statistics = projected(started("a", "x"), orphaned("a", "x"), *between, end)["action:a"]
        assert statistics["consecutive_failures"] == str(expected)

    @pytest.mark.parametrize("before", [[], [started("a", "y")], [started("a", "x"), completed("a", "x")]])
    def test_orphaning_what_is_not_in_flight_changes_nothing(self, before: list[bytes]) -> None:
        without, with_it = projected(*before, dropped("1-0")), projected(*before, orphaned("a", "x"))
        assert with_it == without

    def test_an_orphan_that_comes_back_is_an_orphan_no_more(self) -> None:
        projection = projected(started("a", "x", at=7), orphaned("a", "x"), completed("a", "x"))
        assert "orphans" not in projection
        assert (projection["totals"]["orphaned"], projection["action:a"]["orphaned"]) == ("0", "0")
        assert projection["executions"][0]["started_at"] == 7

    def test_what_is_in_flight_completes_before_an_orphan_of_the_same_key(self) -> None:
        projection = projected(
            started("a", "x", at=1), orphaned("a", "x"), started("a", "x", at=2), completed("a", "x")
        )
        assert projection["executions"][0]["started_at"] == 2
        assert (list(projection["orphans"]), projection["totals"]["orphaned"]) == (["a#x"], "1")

    def test_the_orphans_of_an_action_never_go_below_zero(self) -> None:
        """The action was evicted with its count, and began again at zero; the totals know better."""
        runs = [started("a", "x"), orphaned("a", "x"), completed("b"), completed("a", "x")]
        projection = projected(*runs, bounds=Bounds(max_actions=1))
        assert (projection["action:a"]["orphaned"], projection["totals"]["orphaned"]) == ("0", "0")


class TestCleanups:
    def test_a_cleanup_is_kept_and_counted(self) -> None:
        operation = cleaned("stale-locks", action="release", success=False, error="busy", at=7)
        projection = projected(entry(operation, by="p", seq=1))
        assert projection["cleanups"] == [
            {
                "scanner_id": "stale-locks",
                "resource_id": "lock:deploy",
                "action": "release",
                "success": False,
                "error": "busy",
                "timestamp": 7,
                "by": "p",
                "entry_id": "1-0",
            }
        ]
        assert projection["scanner:stale-locks"] == {
            "total_cleanups": "1",
            "successes": "0",
            "failures": "1",
            "last_at": "7",
            "last_error": "busy",
            "last_entry_id": "1-0",
            "action:release": "1",
        }
        assert (projection["totals"]["cleanups"], projection["totals"]["cleanup_failures"]) == ("1", "1")
        assert projection["scanners"] == {"stale-locks": 1}

    def test_beyond_a_hundred_names_of_actions_the_rest_are_counted_together(self) -> None:
        names = [f"n{number}" for number in range(102)]
        projection = projected(*[cleaned("s", action=name) for name in [*names, "n0", "n100"]])
        counts = {name: count for name, count in projection["scanner:s"].items() if name.startswith("action:")}
        assert len(counts) == 101
        assert (counts["action:n0"], counts["action:n99"], counts["action:(other)"]) == ("2", "1", "3")

    def test_the_last_time_of_a_scanner_is_the_greatest(self) -> None:
        projection = projected(cleaned("s", at=9), cleaned("s", at=3))
        assert projection["scanner:s"]["last_at"] == "9"


class TestStatistics:
    def test_averages_floor(self) -> None:
        statistics = projected(completed("a", duration_ms=2), completed("a", duration_ms=3))["action:a"]
        assert (statistics["avg_duration_ms"], statistics["duration_ms_sum"]) == ("2", "5")

    def test_the_sum_of_durations_is_exact_beyond_2_to_the_53(self) -> None:
        longest = 2**53 - 1
        statistics = projected(*[completed("a", duration_ms=longest)] * 3)["action:a"]
        assert (statistics["duration_ms_sum"], statistics["avg_duration_ms"]) == (str(3 * longest), str(longest))

    def test_minima_and_maxima_follow_the_times_of_the_operations(self) -> None:
        """They came in another order than they happened."""
        statistics = projected(
            completed("a", at=50, duration_ms=4),
            completed("a", at=90, duration_ms=1),
            completed("a", at=20, duration_ms=9, success=False),
            completed("a", at=70, success=False),
            completed("a", at=60, success=False),
        )["action:a"]
        assert (statistics["first_at"], statistics["last_at"]) == ("20", "90")
        assert (statistics["last_success_at"], statistics["last_failure_at"]) == ("90", "70")
        assert (statistics["duration_ms_min"], statistics["duration_ms_max"]) == ("1", "9")

    def test_the_last_error_and_the_failures_in_a_row_follow_the_log(self) -> None:
        failures = [completed("a", at=at, success=False, error=f"at {at}") for at in (90, 20)]
        statistics = projected(completed("a", success=True), *failures)["action:a"]
        assert (statistics["last_error"], statistics["consecutive_failures"]) == ("at 20", "2")

    def test_a_success_ends_the_failures_in_a_row_and_keeps_the_last_error(self) -> None:
        """Even one that happened before the failure."""
        statistics = projected(completed("a", success=False, error="e", at=9), completed("a", at=1))["action:a"]
        assert (statistics["consecutive_failures"], statistics["last_error"]) == ("0", "e")

    def test_a_failure_without_an_error_has_an_empty_one(self) -> None:
        failures = [completed("a", success=False, error="e"), completed("a", success=False)]
        projection = projected(*failures, cleaned("s", success=False))
        assert projection["action:a"]["last_error"] == projection["scanner:s"]["last_error"] == ""
        assert projection["executions"][0]["error"] is None

    def test_what_never_was_is_absent(self) -> None:
        assert (
            projected(completed("a", success=True))["action:a"].keys().isdisjoint({"last_error", "last_failure_at"})
        )

    def test_durations_are_counted_in_buckets(self) -> None:
        durations = [completed("a", duration_ms=duration) for duration in (0, 64, 65, 66)]
        assert projected(*durations)["durations:a"] == {"0": "1", "65": "2", "67": "1"}

    def test_an_action_stands_at_the_time_of_the_entry_that_touched_it_last(self) -> None:
        log = [("5-0", entry(completed("a", at=99))), ("8-3", entry(completed("a", at=1)))]
        projection = projection_of(folded(log, Bounds()))
        assert projection["actions"] == {"a": 8}
        assert projection["action:a"]["last_entry_id"] == "8-3"

    def test_totals_are_for_the_life_of_the_log(self) -> None:
        """Whatever lists and tables have forgotten."""
        runs = [completed(action_id, success=action_id == "a") for action_id in "abc"]
        projection = projected(*runs, bounds=Bounds(max_entries=1, max_actions=1, max_action_entries=1))
        assert projection["totals"] == {
            "total_executions": "3",
            "successes": "1",
            "failures": "2",
            "orphaned": "0",
            "cleanups": "0",
            "cleanup_failures": "0",
        }


class TestBounds:
    def test_lists_keep_the_newest_newest_first(self) -> None:
        runs = [completed("a", at=at, success=at > 2) for at in range(6)]
        cleanups = [cleaned("s", at=at) for at in range(6)]
        projection = projected(*runs, *cleanups, bounds=Bounds(max_entries=3, max_action_entries=2))
        assert times(projection["executions"]) == [5, 4, 3]
        assert times(projection["executions:a"]) == [5, 4]
        assert times(projection["cleanups"]) == [5, 4, 3]
        assert times(projection["failures"]) == [2, 1, 0]

    def test_the_order_of_lists_follows_the_log_not_the_times(self) -> None:
        assert times(projected(completed("a", at=9), completed("a", at=1))["executions"]) == [1, 9]

    def test_what_was_touched_least_recently_is_evicted(self) -> None:
        runs = [completed("a"), completed("b"), completed("a"), completed("c")]
        projection = projected(*runs, bounds=Bounds(max_actions=2))
        assert set(projection["actions"]) == {"a", "c"}
        assert checkpoint(projection, "actions_evicted") == ("1",)

    def test_a_start_that_replaces_another_is_touched(self) -> None:
        runs = [started("a"), started("b"), started("a"), started("c")]
        assert set(projected(*runs, bounds=Bounds(max_in_flight=2))["in_flight"]) == {"a", "c"}

    def test_eviction_compares_entry_ids_as_numbers(self) -> None:
        """As texts 9-10 comes before 9-9, and 10-0 before both."""
        ids = ["9-9", "9-10", "10-0"]
        log = [(entry_id, entry(started(action))) for entry_id, action in zip(ids, "abc", strict=True)]
        assert list(projection_of(folded(log, Bounds(max_in_flight=2)))["in_flight"]) == ["b", "c"]

    def test_an_evicted_action_takes_all_keys_of_its_own_along_and_starts_at_zero(self) -> None:
        bounds = Bounds(max_actions=1)
        gone = projected(completed("a"), completed("b"), bounds=bounds)
        assert [key for key in gone if key.endswith(":a")] == []
        again = projected(completed("a"), completed("b"), completed("a"), bounds=bounds)
        assert again["action:a"]["total_executions"] == "1"
        assert (len(again["executions:a"]), len(again["executions"])) == (1, 3)

    def test_the_starts_of_an_evicted_action_stay_in_flight(self) -> None:
        projection = projected(completed("a"), started("a", "x"), completed("b"), bounds=Bounds(max_actions=1))
        assert list(projection["in_flight"]) == ["a#x"]

    def test_bounds_hold_after_each_operation(self) -> None:
        """A second start of `a` would have kept it, had both starts been bounded at once."""
        runs = [started("a"), started("b"), started("a")]
        projection = projected(*runs, bounds=Bounds(max_in_flight=1))
        assert list(projection["in_flight"]) == ["a"]
        assert checkpoint(projection, "in_flight_evicted", "in_flight_replaced") == ("2", "0")

    def test_an_orphan_is_as_old_as_the_operation_that_made_it_one(self) -> None:
        runs = [
            started("a", "x"),
            started("b", "x"),
            orphaned("b", "x"),
            orphaned("a", "x"),
            started("c", "x"),
            orphaned("c", "x"),
        ]
        projection = projected(*runs, bounds=Bounds(max_in_flight=2))
        assert list(projection["orphans"]) == ["a#x", "c#x"]
        assert checkpoint(projection, "orphans_evicted") == ("1",)
        assert projection["totals"]["orphaned"] == "3"

    def test_a_scanner_evicted_starts_at_zero(self) -> None:
        cleanups = [cleaned("s"), cleaned("t"), cleaned("s")]
        projection = projected(*cleanups, bounds=Bounds(max_scanners=1))
        assert projection["scanner:s"]["total_cleanups"] == "1"
        assert "scanner:t" not in projection
        assert checkpoint(projection, "scanners_evicted") == ("2",)


def times(records: list[dict[str, Any]]) -> list[int]:
    return [record["timestamp"] for record in records]


def numbers(*seqs: int, acked: int | None = None, bounds: Bounds | None = None) -> Projection:
    """The projection of completions of one producer that came with these numbers."""
    return projected(*[entry(completed("a"), by="p", seq=seq, acked=acked) for seq in seqs], bounds=bounds)


def came_to(projection: Projection) -> tuple[int, ...]:
    """(operations counted, duplicates, missing, quarantined)"""
    counts = checkpoint(projection, "duplicates", "missing", "quarantined")
    return (int(projection["totals"]["total_executions"]), *map(int, counts))


class TestNumbers:
    def test_a_number_above_the_highest_is_new(self) -> None:
        assert came_to(numbers(1, 2, 3)) == (3, 0, 0, 0)

    def test_a_number_that_came_before_is_a_duplicate_counted_and_ignored(self) -> None:
        assert came_to(numbers(1, 2, 2, 1)) == (2, 2, 0, 0)

    def test_numbers_skipped_are_missing(self) -> None:
        projection = numbers(3, 7)
        assert came_to(projection) == (2, 0, 5, 0)
        assert projection["producers"]["p"] == {
            "seq": 7,
            "gaps": [[1, 2], [4, 6]],
            "closed": 0,
            "entry_id": "2-0",
        }

    def test_a_number_that_fills_a_gap_is_new_once(self) -> None:
        projection = numbers(5, 3, 3)
        assert came_to(projection) == (2, 1, 3, 0)
        assert projection["producers"]["p"]["gaps"] == [[1, 2], [4, 4]]

    def test_numbers_that_were_acknowledged_are_no_gap(self) -> None:
        projection = numbers(10, acked=7)
        assert projection["producers"]["p"]["gaps"] == [[8, 9]]
        assert came_to(projection) == (1, 0, 2, 0)

    def test_acknowledging_closes_no_gap_that_is_open(self) -> None:
        projection = projected(entry(completed("a"), by="p", seq=3), entry(completed("a"), by="p", seq=4, acked=3))
        assert projection["producers"]["p"]["gaps"] == [[1, 2]]

    def test_an_acknowledged_number_that_comes_late_is_a_duplicate(self) -> None:
        projection = projected(entry(completed("a"), by="p", seq=10, acked=9), entry(completed("a"), by="p", seq=5))
        assert came_to(projection) == (1, 1, 0, 0)

    def test_acknowledging_beyond_its_own_number_opens_nothing(self) -> None:
        projection = numbers(3, 5, acked=9)
        assert came_to(projection) == (2, 0, 0, 0)
        assert projection["producers"]["p"]["seq"] == 5

    def test_the_lowest_gaps_are_closed_by_the_bound_and_stay_missing(self) -> None:
        projection = numbers(3, 5, 7, bounds=Bounds(max_gaps=2))
        producer = projection["producers"]["p"]
        assert (producer["gaps"], producer["closed"]) == ([[4, 4], [6, 6]], 2)
        assert came_to(projection) == (3, 0, 4, 0)

    def test_a_number_among_closed_gaps_is_quarantined_not_dropped(self) -> None:
        projection = numbers(3, 5, 7, 2, bounds=Bounds(max_gaps=2))
        assert came_to(projection) == (3, 0, 4, 1)
        assert quarantined(projection)["4-0"][b"reason"] == b"cannot tell whether this is a duplicate"

    def test_a_number_above_the_closed_gaps_is_judged_as_ever(self) -> None:
        assert came_to(numbers(3, 5, 7, 3, 4, bounds=Bounds(max_gaps=2))) == (4, 1, 3, 0)

    def test_filling_the_middle_of_a_gap_can_close_one(self) -> None:
        projection = numbers(4, 10, 7, bounds=Bounds(max_gaps=2))
        producer = projection["producers"]["p"]
        assert (producer["gaps"], producer["closed"]) == ([[5, 6], [8, 9]], 3)
        assert came_to(projection) == (3, 0, 7, 0)

    def test_the_largest_number_opens_a_gap_at_once(self) -> None:
        largest = 9_999_999_999_999_999
        assert came_to(numbers(1, largest, largest - 1)) == (3, 0, largest - 3, 0)

    def test_numbers_are_judged_before_the_operation_is_decoded(self) -> None:
        broken = entry(broken_completion(), by="p", seq=1)
        projection = projected(broken, broken, entry(completed("a"), by="p", seq=2))
        assert came_to(projection) == (1, 1, 0, 1)

    def test_each_producer_has_numbers_of_its_own(self) -> None:
        projection = projected(entry(completed("a"), by="p", seq=1), entry(completed("a"), by="q", seq=1))
        assert came_to(projection) == (2, 0, 0, 0)

    def test_an_entry_without_a_number_is_never_a_duplicate(self) -> None:
        projection = projected(completed("a"), completed("a"))
        assert came_to(projection) == (2, 0, 0, 0)
        assert "producers" not in projection

    def test_a_duplicate_touches_its_producer(self) -> None:
        came = [("p", 1), ("q", 1), ("p", 1), ("r", 1)]
        entries = [entry(completed("a"), by=by, seq=seq) for by, seq in came]
        projection = projected(*entries, bounds=Bounds(max_producers=2))
        assert {name: row["entry_id"] for name, row in projection["producers"].items()} == {"p": "3-0", "r": "4-0"}

    def test_what_an_evicted_producer_missed_stays_missing(self) -> None:
        entries = [entry(completed("a"), by=by, seq=3, acked=acked) for by, acked in (("p", 0), ("q", 2))]
        projection = projected(*entries, bounds=Bounds(max_producers=1))
        assert checkpoint(projection, "missing", "producers_evicted") == ("2", "1")


class TestAcceptedGaps:
    def test_what_is_missing_is_accepted_up_to_a_number_and_stays_missing(self) -> None:
        projection = projected(
            entry(completed("a"), by="p", seq=3), accepted("p", 2), entry(completed("a"), by="p", seq=5)
        )
        assert projection["producers"]["p"] == {
            "seq": 5,
            "gaps": [[1, 2], [4, 4]],
            "closed": 0,
            "entry_id": "3-0",
            "accepted": 2,
        }
        assert came_to(projection) == (2, 0, 3, 0)

    def test_a_number_that_arrives_after_it_was_accepted_counts(self) -> None:
        projection = projected(
            entry(completed("a"), by="p", seq=3), accepted("p", 2), entry(completed("a"), by="p", seq=1)
        )
        assert projection["producers"]["p"]["gaps"] == [[2, 2]]
        assert came_to(projection) == (2, 0, 1, 0)

    def test_a_lower_number_takes_nothing_back(self) -> None:
        projection = projected(entry(completed("a"), by="p", seq=9), accepted("p", 8), accepted("p", 2))
        assert projection["producers"]["p"]["accepted"] == 8

    def test_numbers_to_come_are_not_accepted_in_advance(self) -> None:
        projection = projected(entry(completed("a"), by="p", seq=3), accepted("p", 10**15))
        assert projection["producers"]["p"]["accepted"] == 3

    def test_it_is_no_sign_of_the_producer(self) -> None:
        came: list[Fields | bytes] = [entry(completed("a"), by=by, seq=2) for by in ("p", "q")]
        projection = projected(
            *came, accepted("p", 1), entry(completed("a"), by="r", seq=1), bounds=Bounds(max_producers=2)
        )
        assert set(projection["producers"]) == {"q", "r"}

    def test_for_a_producer_that_is_not_known_nothing_changes(self) -> None:
        projection = projected(completed("a"), accepted("p", 7))
        assert "producers" not in projection
        assert checkpoint(projection, "entries", "quarantined", "missing") == ("2", "0", "0")


class TestAcceptedLosses:
    def test_lost_entries_count_as_lost_and_as_read(self) -> None:
        projection = projected(completed("a"), lost(7), completed("a"), lost(2))
        assert checkpoint(projection, "entries", "lost", "last_id") == ("13", "9", "4-0")

    def test_a_projection_that_lost_nothing_says_nothing_of_it(self) -> None:
        assert "lost" not in projected(completed("a"))["checkpoint"]


class TestQuarantine:
    def test_the_rest_goes_on(self) -> None:
        projection = projected(completed("a"), broken_completion(), completed("a"))
        assert came_to(projection) == (2, 0, 0, 1)
        assert checkpoint(projection, "entries", "last_id") == ("3", "3-0")

    def test_an_entry_is_kept_under_its_id_with_its_fields_and_the_reason(self) -> None:
        broken = [b"op", b"{", b"note", b"\xff"]
        assert projected(broken)["quarantine"] == [
            ("1-0", [b"reason", b"expected JSON, found text that is no JSON in UTF-8", *broken])
        ]

    def test_long_fields_are_cut_and_their_length_noted(self) -> None:
        kept = quarantined(projected([b"op", b"x" * 5000, b"short", b"y" * 4096]))["1-0"]
        assert (kept[b"op"], kept[b"op:length"]) == (b"x" * 4096, b"5000")
        assert kept[b"short"] == b"y" * 4096
        assert b"short:length" not in kept

    def test_of_many_fields_the_first_hundred_are_kept(self) -> None:
        many = [part for number in range(5000) for part in (b"f%d" % number, b"v")]
        kept = quarantined(projected(many))["1-0"]
        assert kept[b"reason"] == b"expected at most 100 fields in an entry, found 5000"
        assert kept[b"more_fields"] == b"4900"
        assert (b"f99" in kept, b"f100" in kept) == (True, False)

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ([b"x", b"y"], "expected a field op with an operation in JSON, found none"),
            (entry(b"{"), "expected JSON, found text that is no JSON in UTF-8"),
            (entry(b"x" * (1 << 20) + b"x"), "expected an operation of at most 1048576 bytes, found 1048577 bytes"),
            (
                entry(broken_completion()),
                'duration_ms: expected an integer from 0 to 9007199254740991, found the string "5"',
            ),
            (
                entry(started("a")[:-1] + b',"action_id":"a"}'),
                "action_id: expected the field once, found it repeated",
            ),
            ([b"op", b"{}", b"op", b"{}"], "expected each field of an entry once, found one repeated"),
            (entry(completed("a"), by="p"), "expected by and seq both or neither, found only by"),
            (entry(completed("a"), seq=1), "expected by and seq both or neither, found only seq"),
            (entry(completed("a"), acked=1), "expected by and seq both or neither, found only acked"),
            (entry(completed("a"), by="", seq=1), "by: expected 1 to 256 bytes, found 0"),
            (entry(completed("a"), by="é" * 129, seq=1), "by: expected 1 to 256 bytes, found 258"),
            ([*entry(completed("a"), seq=1), b"by", b"\xff"], "by: expected UTF-8, found other bytes"),
            (entry(completed("a"), by="p", seq=0), "seq: expected a number from 1 with at most 16 digits"),
            (entry(completed("a"), by="p", seq=10**16), "seq: expected a number from 1 with at most 16 digits"),
            (
                entry(completed("a"), by="p", seq=1, acked=-1),
                "acked: expected a number from 0 with at most 16 digits",
            ),
            (
                entry(completed("a"), by="p", seq=1, retry_of="1-0"),
                "expected retry_of without by and seq, found both",
            ),
            (entry(completed("a"), retry_of="1"), "retry_of: expected an entry id, <milliseconds>-<number>"),
        ],
    )
    def test_what_cannot_be_folded_is_set_aside_in_our_words(self, fields: Fields, reason: str) -> None:
        assert reason_of(fields) == reason

    def test_a_malformed_identity_is_not_judged(self) -> None:
        """Nothing is learnt of the producer's numbers: `seq` cannot be trusted."""
        projection = projected([*entry(completed("a"), by="p", seq=5), b"acked", b"x"])
        assert "producers" not in projection
        assert came_to(projection) == (0, 0, 0, 1)

    def test_the_oldest_are_pushed_out_and_stay_counted(self) -> None:
        projection = projected(*[broken_completion()] * 3, bounds=Bounds(max_quarantine=2))
        assert list(quarantined(projection)) == ["2-0", "3-0"]
        assert checkpoint(projection, "quarantined") == ("3",)


class TestRetries:
    def test_a_retry_of_a_quarantined_entry_folds_and_takes_it_out(self) -> None:
        projection = projected(broken_completion(), entry(completed("a"), retry_of="1-0"))
        assert came_to(projection) == (1, 0, 0, 0)
        assert "quarantine" not in projection

    def test_a_retry_of_anything_else_is_a_duplicate(self) -> None:
        retry = entry(completed("a"), retry_of="1-0")
        assert came_to(projected(broken_completion(), retry, retry)) == (1, 1, 0, 0)
        assert came_to(projected(completed("a"), retry)) == (1, 1, 0, 0)

    def test_a_retry_of_what_was_pushed_out_is_a_duplicate(self) -> None:
        broken = [broken_completion()] * 2
        projection = projected(*broken, entry(completed("a"), retry_of="1-0"), bounds=Bounds(max_quarantine=1))
        assert came_to(projection) == (0, 1, 0, 2)

    def test_a_retry_that_cannot_be_decoded_is_quarantined_beside_the_first(self) -> None:
        projection = projected(broken_completion(), entry(b"{", retry_of="1-0"))
        assert list(quarantined(projection)) == ["1-0", "2-0"]
        assert came_to(projection) == (0, 0, 0, 2)

    def test_dropping_takes_an_entry_out_of_the_quarantine(self) -> None:
        projection = projected(broken_completion(), broken_completion(), dropped("1-0"))
        assert list(quarantined(projection)) == ["2-0"]
        assert checkpoint(projection, "quarantined", "duplicates") == ("1", "0")

    def test_dropping_what_is_not_there_changes_nothing(self) -> None:
        projection = projected(broken_completion(), dropped("1-0"), dropped("1-0"))
        assert checkpoint(projection, "quarantined", "duplicates", "entries") == ("0", "0", "3")

    def test_dropping_the_retried_entry_by_its_own_retry_counts_once(self) -> None:
        projection = projected(broken_completion(), entry(dropped("1-0"), retry_of="1-0"))
        assert checkpoint(projection, "quarantined") == ("0",)


class TestArchiveSealed:
    def test_the_checkpoint_tells_the_archives_head_and_only_forwards(self) -> None:
        heads = ["a" * 64, "b" * 64]
        first, second = sealed("0-10", head=heads[0]), sealed("0-9", head=heads[1])
        found = projected(first, second)["checkpoint"]
        assert (found["archive_head"], found["archive_last_id"]) == (heads[0], "0-10")
        found = projected(second, first)["checkpoint"]
        assert (found["archive_head"], found["archive_last_id"]) == (heads[0], "0-10")

    def test_an_archive_cannot_have_what_comes_later(self) -> None:
        forged = projected(sealed("1-0"), sealed("9999999999999-0"))
        assert forged["checkpoint"] == projected(cleaned("s"), cleaned("s"))["checkpoint"]

    def test_a_log_without_an_archive_leaves_the_checkpoint_as_it_was(self) -> None:
        assert not {"archive_head", "archive_last_id"} & set(projected(completed("a"))["checkpoint"])
