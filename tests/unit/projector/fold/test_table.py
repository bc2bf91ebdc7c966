"""The bounded table: what it answers when little is loaded, and what it says the next commit has to do."""

from __future__ import annotations

import pytest

from projector.fold.table import NotLoaded, Table


def table_of(*keys: str, bound: int = 10) -> Table[str]:
    """A table whole in memory with these rows, all committed."""
    table: Table[str] = Table(bound)
    for key in keys:
        table.put(key, f"row of {key}")
    table.committed()
    return table


def work_of(table: Table[str]) -> tuple[list[str], list[str]]:
    """(rows to write, rows to delete first)"""
    return list(table.changed), list(table.dropped)


class TestEviction:
    def test_the_row_touched_least_recently_goes(self) -> None:
        table = table_of("a", "b", bound=2)
        table.touch("a")
        assert table.put("c", "row") == "b"
        assert (table.get("a"), table.get("b")) == ("row of a", None)

    def test_putting_a_row_again_touches_it_and_evicts_none(self) -> None:
        table = table_of("a", "b", bound=2)
        assert table.put("a", "new") is None
        assert table.put("c", "row") == "b"

    def test_a_dropped_row_makes_room(self) -> None:
        table = table_of("a", "b", bound=2)
        table.drop("b")
        assert table.put("c", "row") is None
        assert table.size == 2


class TestWork:
    def test_a_new_row_is_written(self) -> None:
        table = table_of()
        table.put("a", "row")
        assert work_of(table) == (["a"], [])

    def test_a_committed_row_that_goes_is_deleted(self) -> None:
        table = table_of("a")
        table.touch("a")
        table.drop("a")
        assert work_of(table) == ([], ["a"])

    def test_a_row_that_came_and_went_between_two_commits_is_neither(self) -> None:
        table = table_of()
        table.put("a", "row")
        table.drop("a")
        assert work_of(table) == ([], [])

    def test_a_committed_row_that_went_and_came_is_deleted_and_written(self) -> None:
        table = table_of("a")
        table.drop("a")
        table.put("a", "new")
        assert work_of(table) == (["a"], ["a"])

    def test_and_gone_once_more_it_is_deleted(self) -> None:
        table = table_of("a")
        table.drop("a")
        table.put("a", "new")
        table.drop("a")
        assert work_of(table) == ([], ["a"])

    def test_nothing_is_left_to_do_after_a_commit(self) -> None:
        assert work_of(table_of("a", "b")) == ([], [])


class TestLoading:
    def test_a_row_that_was_not_loaded_is_no_guess(self) -> None:
        table = table_of()
        table.unload(1)
        with pytest.raises(NotLoaded):
            table.get("a")

    def test_a_row_that_was_loaded_as_absent_is_absent(self) -> None:
        table = table_of()
        table.unload(1)
        table.load("a", None)
        assert (table.get("a"), table.knows("a"), table.knows("b")) == (None, True, False)

    def test_absence_is_forgotten_with_a_commit(self) -> None:
        table = table_of()
        table.unload(1)
        table.load("a", None)
        table.committed()
        assert not table.knows("a")

    def test_with_the_order_loaded_what_is_not_in_it_is_absent(self) -> None:
        table = table_of()
        table.unload(1)
        table.load_order(["a"])
        assert table.get("b") is None
        with pytest.raises(NotLoaded):
            table.get("a")

    def test_unloading_a_table_without_rows_leaves_nothing_to_load(self) -> None:
        table = table_of()
        table.unload(0)
        assert table.get("a") is None

    def test_evicting_takes_the_order(self) -> None:
        table = table_of(bound=1)
        table.unload(1)
        table.load("b", None)
        with pytest.raises(NotLoaded):
            table.put("b", "row")

    def test_the_order_that_was_loaded_says_who_is_evicted(self) -> None:
        table = table_of(bound=2)
        table.unload(2)
        table.load_order(["z", "a"])
        assert table.put("b", "row") == "z"
        assert work_of(table) == (["b"], ["z"])

    def test_a_row_known_to_be_new_needs_nothing_loaded(self) -> None:
        table = table_of()
        table.unload(1)
        assert table.add("b", "row") is None
        assert (table.get("b"), table.size) == ("row", 2)

    def test_a_row_dropped_before_the_order_is_loaded_is_known_to_be_absent(self) -> None:
        table = table_of()
        table.unload(2)
        table.load("a", "row")
        table.drop("a")
        assert (table.get("a"), table.size) == (None, 1)
        assert work_of(table) == ([], ["a"])


class TestHead:
    """A table of ten rows, of which the oldest three are known."""

    @pytest.fixture
    def table(self) -> Table[str]:
        table = table_of(bound=10)
        table.unload(10)
        table.load_head(["a", "b", "c"])
        for key in ("new", "newer", "newest", "one more"):
            table.load(key, None)
        return table

    def test_its_rows_are_evicted_in_their_order(self, table: Table[str]) -> None:
        assert [table.put(key, "row") for key in ("new", "newer", "newest")] == ["a", "b", "c"]
        assert work_of(table) == (["new", "newer", "newest"], ["a", "b", "c"])

    def test_behind_it_a_table_knows_no_order(self, table: Table[str]) -> None:
        for key in ("new", "newer", "newest"):
            table.put(key, "row")
        with pytest.raises(NotLoaded):
            table.put("one more", "row")

    def test_a_row_that_is_touched_leaves_it(self, table: Table[str]) -> None:
        table.load("a", "row of a")
        table.touch("a")
        assert [table.put(key, "row") for key in ("new", "newer")] == ["b", "c"]

    def test_a_row_that_is_put_again_leaves_it(self, table: Table[str]) -> None:
        table.load("b", "row of b")
        table.put("b", "changed")
        assert [table.put(key, "row") for key in ("new", "newer")] == ["a", "c"]

    def test_a_row_that_is_taken_out_leaves_it_and_makes_room(self, table: Table[str]) -> None:
        table.load("a", "row of a")
        table.pop("a")
        assert [table.put(key, "row") for key in ("new", "newer")] == [None, "b"]

    def test_a_row_that_is_changed_keeps_its_place(self, table: Table[str]) -> None:
        table.load("a", "row of a")
        table.change("a")
        assert table.put("new", "row") == "a"

    def test_a_row_that_was_evicted_is_known_to_be_absent_and_comes_again_as_the_newest(
        self, table: Table[str]
    ) -> None:
        table.put("new", "row")
        assert table.get("a") is None
        assert [table.put(key, "row") for key in ("a", "newer")] == ["b", "c"]
        assert work_of(table) == (["new", "a", "newer"], ["a", "b", "c"])

    def test_a_row_that_is_in_it_and_was_not_loaded_is_no_guess(self, table: Table[str]) -> None:
        with pytest.raises(NotLoaded):
            table.get("a")

    def test_a_commit_leaves_it_as_it_is(self, table: Table[str]) -> None:
        table.put("new", "row")
        table.committed()
        assert table.add("newer", "row") == "b"

    def test_the_order_takes_its_place(self, table: Table[str]) -> None:
        table.load_order(map(str, range(10)))
        assert table.put("new", "row") == "0"
