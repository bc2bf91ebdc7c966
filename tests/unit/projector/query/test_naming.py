"""Which run an id names, and what a message lists if it names several."""

from __future__ import annotations

import pytest

from projector.errors import ProjectorError
from projector.query.naming import named
from projector.records import InFlightRecord


def run(action_id: str, execution_id: str | None, entry_id: str) -> InFlightRecord:
    return InFlightRecord(action_id, "manual", "command", 0, execution_id, None, False, entry_id)


SHARED = [run("retry", "R1", "9-0"), run("other", "R1", "7-1"), run("other", "R2", "5-0"), run("a", None, "3-0")]


def test_runs_that_share_an_execution_id_are_listed_by_their_entries() -> None:
    for beginning, more in (("R1", ""), ("R", ", 5-0 (R2 of other)")):
        with pytest.raises(ProjectorError) as told:
            named(beginning, SHARED)
        count = 3 if more else 2
        listed = f"7-1 (R1 of other), 9-0 (R1 of retry){more}"
        assert str(told.value) == f"{beginning} names {count} runs: {listed}; name one by its entry id"


def test_a_run_is_named_by_the_entry_that_a_message_lists() -> None:
    assert named("7-1", SHARED) is SHARED[1]
    assert named("9-0", SHARED) is SHARED[0]
    assert named("9", SHARED) is None


def test_an_execution_id_comes_before_an_entry_of_another_run() -> None:
    runs = [run("a", "x", "5-0"), run("b", "5-0", "6-0"), run("c", "5-01", "7-0")]
    assert named("5-0", runs) is runs[1]


def test_runs_of_several_ids_are_listed_by_these() -> None:
    with pytest.raises(ProjectorError, match=r"^x names 2 runs: x1 of a, x2 of a; name one by its whole id$"):
        named("x", [run("a", "x2", "2-0"), run("a", "x1", "1-0")])


@pytest.mark.parametrize(
    ("count", "told", "end"),
    [
        (11, "names 11 runs: ", " and 1 more; name"),
        (100, "names 100 runs: ", " and 90 more; name"),
        (101, "names more than 100 runs: ", "x-009 of a and more; name"),
    ],
)
@pytest.mark.parametrize("are_shared", [False, True])
def test_ten_runs_are_listed_and_up_to_a_hundred_counted(count: int, told: str, end: str, are_shared: bool) -> None:
    runs = [run("a", f"x-{number:03}", f"{number}-0") for number in range(count - are_shared)]
    runs += [run("b", "x-000", "1000-0")] * are_shared
    with pytest.raises(ProjectorError) as error:
        named("x-", runs)
    assert told in str(error.value)
    assert str(error.value).count(" of ") == 10
    assert (end if not are_shared else end.removeprefix("x-009 of a")) in str(error.value)
