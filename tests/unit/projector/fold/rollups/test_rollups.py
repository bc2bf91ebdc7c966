"""Rollups: what they count, which buckets are kept, and how many names a bucket has."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projector.bounds import Bounds
from projector.commit.plan import plan_of, unpacked
from projector.fold.rollups.buckets import Buckets
from projector.fold.rollups.rollup import Rollup, of_json, to_json
from projector.fold.table import NotLoaded
from projector.keys import Keys
from projector.records import Rollup as Read
from tests.support.fold.few import few_names_and_kinds
from tests.support.fold.logs import TINY, Fields, Log, cleaned, completed, entry, folded, logs, projection_of, started
from tests.support.fold.logs import orphaned as presumed_dead
from tests.support.fold.model import Model

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = 1_790_000_000_000 // DAY * DAY + DAY // 2
_OP = entry(completed("a"))
_NOTHING = entry(cleaned("s"))


def rollups(*entries: tuple[int, Fields]) -> dict[str, Any]:
    """The rollups of a log whose entries come at these times, epoch ms: key → field → rollup."""
    log = [(f"{at}-{number}", fields) for number, (at, fields) in enumerate(entries)]
    return {
        key: content for key, content in projection_of(folded(log, Bounds())).items() if key.startswith("history:")
    }


@settings(max_examples=50, deadline=None)
@given(log=logs(), most=st.integers(1, 2))
def test_any_log_gives_the_models_rollups_and_kinds_where_few_have_a_count_of_their_own(log: Log, most: int) -> None:
    with few_names_and_kinds(most):
        model = Model(TINY)
        for entry_id, fields in log:
            model.read(entry_id, fields)
        assert projection_of(folded(log, TINY)) == model.projection()


def test_a_run_counts_in_its_minute_hour_and_day() -> None:
    found = rollups((NOON + 61_000, entry(completed("a", success=False, duration_ms=40))), (NOON + 62_000, _OP))
    both = {
        "runs": 2,
        "failures": 1,
        "orphans": 0,
        "duration_ms_sum": 45,
        "duration_ms_max": 40,
        "durations": {"5": 1, "43": 1},
    }
    assert found == {
        "history:minutes": {str(NOON + MINUTE): both},
        "history:hours": {str(NOON): both},
        f"history:hours:{NOON}": {"a": both},
        f"history:days:{NOON - DAY // 2}": {"a": both},
    }


def test_a_run_presumed_dead_is_an_orphan_and_no_end_also_once_it_has_ended() -> None:
    run = (NOON, entry(started("a", "x"))), (NOON + 1, entry(presumed_dead("a", "x")))
    (row,) = rollups(*run)["history:hours"].values()
    assert (row["runs"], row["failures"], row["orphans"], row["durations"]) == (0, 0, 1, {})
    (row,) = rollups(*run, (NOON + 2, entry(completed("a", "x"))))["history:hours"].values()
    assert (row["runs"], row["failures"], row["orphans"]) == (1, 0, 1)


@pytest.mark.parametrize(
    ("name", "step", "kept"),
    [("history:minutes", MINUTE, 360), ("history:hours", HOUR, 336), ("hours", HOUR, 336), ("days", DAY, 400)],
)
def test_any_entry_deletes_the_buckets_that_its_time_puts_out_of_the_last_so_many(
    name: str, step: int, kept: int
) -> None:
    def starts(*entries: tuple[int, Fields]) -> list[int]:
        found = rollups(*entries)
        if name in found:
            return [int(field) for field in found[name]]
        return [int(key.rpartition(":")[2]) for key in found if key.startswith(f"history:{name}:")]

    start = NOON // step * step
    last = start + (kept - 1) * step
    assert start in starts((start + step - 1, _OP), (last + step - 1, _NOTHING))
    assert start not in starts((start + step - 1, _OP), (last + step, _NOTHING))
    assert starts((start, _OP), (start + step, _OP), (last + step, _OP)) == [start + step, last + step]


def test_a_jump_of_the_clock_deletes_no_more_than_what_may_be_there() -> None:
    buckets = Buckets(MINUTE, 360)
    buckets.unload(NOON, 0)
    buckets.advance(2**64 - 1)
    assert len([*buckets.expired()]) == 360
    assert [*buckets.expired()][-1] == NOON
    buckets.committed(forget=True)
    assert [*buckets.expired()] == []


def test_the_first_names_of_a_bucket_are_counted_one_by_one_and_the_rest_together() -> None:
    names = ["(other)", *[f"a{number}" for number in range(1002)], "a0", "a1001", "a1002"]
    found = rollups(*[(NOON, entry(completed(name))) for name in names])[f"history:hours:{NOON}"]
    assert [name for name in found if name != "(other)"] == [f"a{number}" for number in range(1000)]
    assert found["a0"]["runs"] == 2
    assert found["(other)"]["runs"] == 1 + 2 + 2
    later = rollups(*[(NOON, entry(completed(name))) for name in names], (NOON + HOUR, entry(completed("a1001"))))
    assert list(later[f"history:hours:{NOON + HOUR}"]) == ["a1001"]


def test_a_sum_of_durations_stops_where_json_readers_begin_to_differ() -> None:
    long = entry(completed("a", duration_ms=2**53 - 1))
    (row,) = rollups(*[(NOON, long)] * 3)["history:minutes"].values()
    assert (row["duration_ms_sum"], row["durations"]) == (2**53 - 1, {str(2**53 - 1): 3})


def test_the_sum_of_the_rollups_of_any_hours_is_the_count_of_the_log() -> None:
    log = [
        (NOON + number * 700_000, entry(completed("ab"[number % 2], success=number % 3 > 0))) for number in range(300)
    ]
    found = rollups(*log)
    for since, until in [(NOON, NOON + 300 * 700_000), (NOON + 5 * HOUR, NOON + 6 * HOUR), (NOON + HOUR, NOON + DAY)]:
        inside = [fields for at, fields in log if since <= at < until]
        rows = [row for start, row in found["history:hours"].items() if since <= int(start) < until]
        assert sum(row["runs"] for row in rows) == len(inside) > 0
        assert sum(row["failures"] for row in rows) == sum(b'"success":false' in fields[1] for fields in inside)
        hours = [found[f"history:hours:{start}"] for start in found["history:hours"] if since <= int(start) < until]
        of_a = [rows_of["a"] for rows_of in hours if "a" in rows_of]
        assert sum(row["runs"] for row in of_a) == sum(b'"action_id":"a"' in fields[1] for fields in inside)


def test_the_json_has_the_fields_of_the_record() -> None:
    row = Rollup(3, 1, 1, 45, 40, {43: 1, 5: 1})
    expected = asdict(Read(3, 1, 1, 45, 40, {5: 1, 43: 1}))
    assert to_json(row) == orjson.dumps(expected, option=orjson.OPT_NON_STR_KEYS)
    assert to_json(of_json(to_json(row))) == to_json(row)


def test_buckets_tell_rather_than_guess_that_a_row_was_not_loaded() -> None:
    buckets = Buckets(HOUR, 336)
    buckets.unload(NOON, 2)
    with pytest.raises(NotLoaded):
        buckets.row("a")
    with pytest.raises(NotLoaded):
        buckets.contents(NOON)
    buckets.load({"a": None, "b": to_json(Rollup(runs=1))}, whole=False)
    buckets.row("a")
    buckets.advance(NOON + HOUR)
    buckets.row("c")
    assert [start for start, _ in buckets.changes()] == [NOON, NOON + HOUR]


def test_names_that_only_redis_has_count_against_the_bound_of_a_bucket() -> None:
    with few_names_and_kinds(2):
        buckets = Buckets(HOUR, 336)
        buckets.unload(NOON, 2)
        buckets.load({"c": None, "(other)": None}, whole=False)
        buckets.row("c")
        assert [[name for name, _ in rows] for _, rows in buckets.changes()] == [["(other)"]]


def test_a_batch_writes_each_bucket_by_one_command() -> None:
    history = folded([(f"{NOON}-{number}", entry(completed(f"a{number}"))) for number in range(500)], Bounds())
    keys = Keys("t")
    plan = plan_of(history, keys)
    commands = [(name, key, len(values)) for name, key, *values in unpacked(plan.commands)]
    assert [command for command in commands if b":history:" in command[1]] == [
        (b"HSET", keys.history_minutes, 2),
        (b"HSET", keys.history_hours, 2),
        (b"HSET", keys.history_hour(NOON), 1000),
        (b"HSET", keys.history_day(NOON - DAY // 2), 1000),
    ]


def test_a_history_that_was_settled_twice_counts_once() -> None:
    history = folded([(f"{NOON}-0", _OP)], Bounds())
    history.settle()
    history.settle()
    (row,) = projection_of(history)["history:minutes"].values()
    assert row["runs"] == 1
