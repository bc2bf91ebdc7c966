"""How far back an answer from a bounded list reaches, and that it says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import fakeredis
import orjson
import pytest

from projector.bounds import Bounds
from projector.errors import Damaged
from projector.query import Query, Records
from projector.records import ActionExecutionRecord

BOUNDS = Bounds(max_entries=5, max_action_entries=3)


@pytest.fixture
def server() -> Any:
    return fakeredis.FakeRedis(version=(7, 2))


@pytest.fixture
def query(server: Any) -> Query:
    return Query(server)


def run(number: int, action_id: str, *, success: bool = True) -> ActionExecutionRecord:
    """The run that ended with the entry `1000 + number`, by its producer's clock an hour before."""
    return ActionExecutionRecord(
        action_id, None, None, success, 1, None, number, None, None, None, f"{1000 + number}-0"
    )


def project(server: Any, runs: list[ActionExecutionRecord], **checkpoint: int) -> None:
    """Push `runs` as the projector does."""
    for each in runs:
        lists = [("executions", 5), (f"executions:{each.action_id}", 3), *([] if each.success else [("failures", 5)])]
        for name, most in lists:
            server.lpush(f"{{otters}}:{name}", orjson.dumps(each))
            server.ltrim(f"{{otters}}:{name}", 0, most - 1)
    server.hset("{otters}:checkpoint", mapping={"config": BOUNDS.config(), **checkpoint})


def reach(records: Records[Any]) -> tuple[list[int], bool, int | None]:
    return [record.timestamp for record in records], records.complete, records.since


def test_an_empty_namespace_has_been_told_whole(query: Query) -> None:
    assert reach(query.recent_action_executions()) == ([], True, None)
    assert reach(query.recent_cleanup_operations(scanner_id="s")) == ([], True, None)


def test_what_no_bound_has_touched_is_complete_unless_the_limit_cuts_it(server: Any, query: Query) -> None:
    project(server, [run(number, "a") for number in range(3)])
    assert reach(query.recent_action_executions(3)) == ([2, 1, 0], True, None)
    assert reach(query.recent_action_executions(None)) == ([2, 1, 0], True, None)
    assert reach(query.recent_action_executions(2)) == ([2, 1], False, 1001)
    assert reach(query.recent_action_executions(0)) == ([], False, 1003)


def test_a_full_list_is_whole_since_its_oldest_record(server: Any, query: Query) -> None:
    project(server, [run(number, "a", success=number > 0) for number in range(9)])
    assert reach(query.recent_action_executions(None)) == ([8, 7, 6, 5, 4], False, 1005)
    # Though nothing matches in what is left, older ones may have matched.
    assert reach(query.recent_action_executions(None, success=True)) == ([8, 7, 6, 5, 4], False, 1005)
    assert reach(query.recent_failures()) == ([0], True, None)


def test_the_list_that_reaches_further_back_answers_for_an_action(server: Any, query: Query) -> None:
    project(
        server, [*[run(number, "rare") for number in range(2)], *[run(number, "often") for number in range(2, 9)]]
    )
    assert reach(query.recent_action_executions(action_id="rare")) == ([1, 0], True, None)
    assert reach(query.recent_action_executions(action_id="often")) == ([8, 7, 6, 5, 4], False, 1005)


def test_an_action_that_was_evicted_and_came_again_does_not_pass_for_complete(server: Any, query: Query) -> None:
    project(server, [run(number, "b") for number in range(9)], actions_evicted=1)
    project(server, [run(9, "a")], actions_evicted=1)
    assert reach(query.recent_action_executions(action_id="a")) == ([9], False, 1006)
    assert reach(query.recent_action_executions(action_id="gone")) == ([], False, 1006)


def test_a_record_that_names_no_entry_is_damage(server: Any, query: Query) -> None:
    project(server, [replace(run(number, "a"), entry_id="x") for number in range(5)])
    with pytest.raises(Damaged, match="executions holds no ActionExecutionRecord"):
        query.recent_action_executions()


def test_under_bounds_of_another_version_no_list_passes_for_complete(server: Any, query: Query) -> None:
    project(server, [run(number, "a") for number in range(2)])
    server.hset("{otters}:checkpoint", "config", b'{"unknown":1}')
    assert reach(query.recent_action_executions()) == ([1, 0], False, 1001)
