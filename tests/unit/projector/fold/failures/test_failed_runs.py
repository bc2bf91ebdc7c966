"""Failed runs by kind: what is counted, which kinds are kept, and what is given up between commits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson
import pytest

from projector.bounds import Bounds
from projector.fold.entry import read_entry
from projector.fold.failures.failed_runs import FailedRuns, Kind
from projector.fold.fold import fold
from projector.fold.record import to_json
from projector.fold.table import NotLoaded
from projector.records import FailureKind
from tests.support.fold.few import few_names_and_kinds
from tests.support.fold.logs import completed, entry, folded, numbered, orphaned, projected, started


def kinds(*errors: str | None) -> dict[str, Any]:
    found: dict[str, Any] = projected(*[completed("a", success=False, error=error) for error in errors])
    kinds_of_a: dict[str, Any] = found["failure_kinds:a"]
    return kinds_of_a


def test_errors_of_a_kind_are_counted_together_with_the_latest_as_the_example() -> None:
    found = projected(
        completed("a", success=False, error="exit status 1", at=7),
        completed("a", success=False, error="exit status 2", at=5),
        completed("a", at=9),
        completed("b", success=False, error="exit status 3"),
        completed("a", success=False),
    )
    assert found["failure_kinds:a"] == {
        "exit status <number>": {
            "count": 2,
            "first_at": 5,
            "last_at": 7,
            "first_entry_id": "1-0",
            "last_entry_id": "2-0",
            "example": "exit status 2",
        },
        "(none)": {
            "count": 1,
            "first_at": 1005,
            "last_at": 1005,
            "first_entry_id": "5-0",
            "last_entry_id": "5-0",
            "example": "",
        },
    }


def test_an_action_that_never_failed_has_neither_key() -> None:
    assert not [key for key in projected(completed("a")) if key.startswith("failure_")]


def test_durations_are_those_of_failed_runs_and_a_run_presumed_dead_has_none() -> None:
    found = projected(
        started("a", "x"),
        orphaned("a", "x"),
        completed("a", duration_ms=5),
        completed("a", success=False, duration_ms=70),
    )
    assert found["failure_durations:a"] == {"71": "1"}
    assert [row["count"] for row in found["failure_kinds:a"].values()] == [1, 1]
    assert found["failure_kinds:a"]["no heartbeat"]["last_at"] == 2000


def test_the_kinds_seen_last_are_kept_and_the_others_added_up() -> None:
    errors = ["first", *["x" * number for number in range(1, 51)], "first", "x" * 60]
    found = kinds(*errors)
    assert len(found) == 51
    assert found["first"]["count"] == 1  # it was pushed out, and began anew
    assert (found["(other)"]["count"], found["(other)"]["first_entry_id"]) == (3, "1-0")
    assert found["(other)"]["example"] == "xx"


def test_an_example_is_cut_between_characters() -> None:
    assert kinds("é" * 300)["é" * 100]["example"] == "é" * 256


def test_the_json_has_the_fields_of_the_record() -> None:
    assert to_json(Kind(1, 2, 3, "4-0", "5-0", "e")) == orjson.dumps(asdict(FailureKind(1, 2, 3, "4-0", "5-0", "e")))


def test_failed_runs_tell_rather_than_guess_that_they_were_not_loaded() -> None:
    history = folded(numbered(completed("a")), Bounds())
    history.committed()
    history.failures_elsewhere = True
    fold(history, read_entry(b"2-0", entry(completed("a", success=False))))
    with pytest.raises(NotLoaded):
        history.settle()


def test_between_commits_a_history_keeps_the_kinds_of_the_actions_that_failed_last() -> None:
    with few_names_and_kinds(2, in_memory=4):
        history = folded(numbered(*[completed(name, success=False) for name in "abcdeb"]), Bounds())
        history.settle()
        history.committed()
    assert list(history.failed_runs) == ["e", "b"]
    assert history.failures_elsewhere


def test_loaded_kinds_are_pushed_out_in_the_order_of_their_entries_as_numbers() -> None:
    with few_names_and_kinds(2):
        failed = FailedRuns(loaded=False)
        rows = {b"late": Kind(1, 1, 1, "9-10", "9-10", ""), b"early": Kind(1, 1, 1, "9-9", "9-9", "")}
        failed.load({name: to_json(row) for name, row in rows.items()}, {})
        history = folded(numbered(completed("a", success=False, error="new")), Bounds())
        failed.count(history.failed_runs["a"]._records[0])
        failed.settle()
        dropped, changed, _ = failed.changes()
    assert dropped == ["early"]
    assert sorted(name for name, _ in changed) == ["(other)", "new"]
