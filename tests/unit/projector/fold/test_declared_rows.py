"""Each rule asks for the rows that it declares and for no other: the loader loads no more than these."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product
from typing import get_args

import pytest

from producer.operations import Operation, decode
from projector.fold.entry import read_entry
from projector.fold.fold import RULES, asked_of, fold
from projector.fold.history import TABLES, History
from projector.fold.record import InFlightRecord
from projector.fold.sequence import Sequence
from projector.fold.statistics import ActionStatistics, ScannerStatistics
from projector.fold.table import NotLoaded
from tests.support.fold.logs import (
    TINY,
    Fields,
    accepted,
    broken_completion,
    cleaned,
    completed,
    dropped,
    entry,
    lost,
    orphaned,
    projected,
    resolved,
    sealed,
    started,
)

OPERATIONS = [
    started("a", "x"),
    completed("a", "x"),
    cleaned("s"),
    orphaned("a", "x"),
    dropped("1-0"),
    accepted("q", 1),
    sealed("1-0"),
    lost(3),
    resolved("a", "x"),
]
ENTRIES = [
    *map(entry, OPERATIONS),
    *[entry(operation, by="p", seq=7) for operation in OPERATIONS],
    *[entry(operation, retry_of="2-0") for operation in OPERATIONS],
    entry(broken_completion()),
]
RUN = projected(started("a", "x"))["in_flight"]["a#x"]


def row_of(table: str) -> object:
    match table:
        case "in_flight" | "orphans":
            return InFlightRecord(**RUN)
        case "producers":
            return Sequence.new()
        case "actions":
            return ActionStatistics()
        case "scanners":
            return ScannerStatistics()
    return []


def fold_with_declared_rows(fields: Fields, *, there: Collection[str], head: bool = False) -> None:
    """Fold one entry onto full tables, of which what the rules declare is loaded; the rows of `there` exist.

    Of a table that may have to evict, the order is loaded too, or with `head` no more than its first row.
    """
    history, read = History(TINY), read_entry(b"9-0", fields)
    for name, table in history.tables().items():
        table.unload(table.bound)
        asked = asked_of(name, [read])
        for row in asked:
            table.load(row, row_of(name) if name in there else None)
        set_aside = name == "quarantine" and (read.operation is None or read.by is not None)
        if set_aside or (any(asked.values()) and name not in there):
            if head:
                table.load_head([*asked, "oldest"][:1] if name in there else ["oldest"])
            else:
                table.load_order(["oldest", *asked][: table.bound] if name in there else ["oldest", "other"])
    fold(history, read)


def fold_in_each_case(fields: Fields, *, head: bool = False) -> None:
    for chosen in product((True, False), repeat=len(TABLES)):
        there = [name for name, exists in zip(TABLES, chosen, strict=True) if exists]
        fold_with_declared_rows(fields, there=there, head=head)


@pytest.mark.parametrize("fields", ENTRIES, ids=str)
def test_a_fold_gets_by_with_the_rows_that_its_rule_declares(fields: Fields) -> None:
    fold_in_each_case(fields)


@pytest.mark.parametrize("fields", ENTRIES, ids=str)
def test_an_entry_takes_no_more_than_one_row_out_of_the_head_of_the_order(fields: Fields) -> None:
    """The loader loads a head of as many rows as a batch has entries."""
    fold_in_each_case(fields, head=True)


def test_every_operation_has_a_rule_and_is_folded_here() -> None:
    assert set(RULES) == set(get_args(Operation)) == {type(decode(operation)) for operation in OPERATIONS}


@pytest.mark.parametrize(
    ("fields", "table"),
    [(entry(fields), row.table) for fields in OPERATIONS for row in RULES[type(decode(fields))].rows],
    ids=str,
)
def test_a_row_that_its_rule_does_not_declare_is_not_loaded(
    fields: Fields, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(decode(fields[1]))
    rest = tuple(row for row in RULES[kind].rows if row.table != table)
    monkeypatch.setitem(RULES, kind, RULES[kind]._replace(rows=rest))
    with pytest.raises(NotLoaded):
        fold_in_each_case(fields)


@pytest.mark.parametrize(
    ("fields", "table"),
    [(entry(fields), row.table) for fields in OPERATIONS for row in RULES[type(decode(fields))].rows if row.adds],
    ids=str,
)
def test_a_row_that_a_rule_adds_without_saying_so_cannot_evict(
    fields: Fields, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(decode(fields[1]))
    without = tuple(row._replace(adds=False) if row.table == table else row for row in RULES[kind].rows)
    monkeypatch.setitem(RULES, kind, RULES[kind]._replace(rows=without))
    with pytest.raises(NotLoaded):
        fold_in_each_case(fields)
