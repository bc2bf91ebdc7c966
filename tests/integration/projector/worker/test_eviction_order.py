"""What the first batch of a session evicts from full tables, and how little it reads to know it.

Ids of one millisecond tell their order by the number behind it alone: as texts …-9 would come after …-10, and a
sorted set, which knows milliseconds, has such members in the order of their names.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple
from unittest import mock

import pytest
import redis

from projector import Projector
from projector.bounds import Bounds
from projector.errors import Damaged
from projector.worker import eviction_order
from projector.worker.batch_size import FIRST
from tests.support.fold.logs import Fields, broken_completion, cleaned, completed, entry, orphaned, started
from tests.support.projection import Log
from tests.support.servers import Server

pytestmark = pytest.mark.server

_ROWS = FIRST + 30
"""More than a first batch has entries."""
_BOUNDS = [_ROWS, FIRST + 1, FIRST, 7]


class Kind(NamedTuple):
    """A table, and the entries with which an operation on `name` touches a row of it, or adds it."""

    table: str
    entries: Callable[[str], list[Fields]]


_KINDS = [
    Kind("in_flight", lambda name: [entry(started(name))]),
    Kind("orphans", lambda name: [entry(started(name, "x")), entry(orphaned(name, "x"))]),
    Kind("actions", lambda name: [entry(completed(name))]),
    Kind("scanners", lambda name: [entry(cleaned(name))]),
    Kind("producers", lambda name: [entry(completed("one"), by=name, seq=1)]),
]


def bounded(rows: int) -> Bounds:
    return Bounds(max_in_flight=rows, max_actions=rows, max_scanners=rows, max_producers=rows, max_quarantine=rows)


def add(log: Log, entries: list[Fields], *, milliseconds: int) -> None:
    """Append `entries` under ids of one millisecond, from …-1 on."""
    pipeline = log.client.pipeline(transaction=False)
    for number, fields in enumerate(entries, 1):
        pipeline.execute_command("XADD", log.key("wal"), f"{milliseconds}-{number}", *fields)
    pipeline.execute()


def names_of(count: int) -> list[str]:
    """In an order that is not that of the texts."""
    return [f"row-{number * 37 % 1009}" for number in range(count)]


def names_in(log: Log, table: str) -> set[str]:
    key = log.key(table)
    found: Any = log.client.zrange(key, 0, -1) if log.client.type(key) == b"zset" else log.client.hkeys(key)
    return {name.removesuffix(b"#x").decode() for name in found}


def newest(names: list[str], count: int) -> set[str]:
    """The `count` names that come last, each counted where it comes last."""
    return set([*dict.fromkeys(reversed(names))][:count])


def batches(known: list[str], count: int) -> dict[str, list[str]]:
    """Batches of `count` names, after rows of the `known` names filled a table."""
    new = [f"new-{number}" for number in range(count)]
    part = count // 3
    return {
        "only new names": new,
        "names of the oldest rows, and new ones": known[: 2 * part : 2] + new[: count - part],
        "names that have just been evicted": [*chain(*zip(new, known, strict=False))][:count],
        "a name again and again, and new ones": known[:1] * part + new[: count - part],
    }


_NEW, _OLDEST, _EVICTED, _AGAIN = batches([], 0)
_BATCHES = {
    _ROWS: (_NEW, _OLDEST, _EVICTED, _AGAIN),
    FIRST + 1: (_NEW, _EVICTED),
    FIRST: (_OLDEST, _AGAIN),
    7: (_EVICTED,),
}


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.table)
@pytest.mark.parametrize(("rows", "batch"), [(rows, batch) for rows, found in _BATCHES.items() for batch in found])
def test_the_first_batch_evicts_by_entry_id_where_all_rows_share_a_millisecond(
    log: Log, kind: Kind, batch: str, rows: int
) -> None:
    log.bounds = bounded(rows)
    known = names_of(rows)
    add(log, [fields for name in known for fields in kind.entries(name)], milliseconds=9)
    log.drain()
    assert names_in(log, kind.table) == set(known)

    names = batches(known, FIRST // len(kind.entries("any")))[batch]
    add(log, [fields for name in names for fields in kind.entries(name)], milliseconds=10)
    with mock.patch.object(eviction_order, "_ROWS_A_PAGE", 40):
        log.drain()
    assert names_in(log, kind.table) == newest(known + names, rows)
    assert log.projection() == log.replayed()


@pytest.mark.parametrize("rows", _BOUNDS)
def test_the_first_batch_evicts_the_entries_that_were_quarantined_first(log: Log, rows: int) -> None:
    log.bounds = bounded(rows)
    broken = [entry(broken_completion())]
    add(log, broken * rows, milliseconds=9)
    log.drain()
    add(log, broken * FIRST, milliseconds=10)
    log.drain()
    ids = [f"9-{number}" for number in range(1, rows + 1)] + [f"10-{at}" for at in range(1, FIRST + 1)]
    assert [entry_id for entry_id, _ in log.quarantine()] == ids[-rows:]
    assert log.projection() == log.replayed()


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.table)
def test_the_batches_after_the_first_evict_what_is_then_the_oldest(log: Log, kind: Kind) -> None:
    log.bounds = bounded(_ROWS)
    known = names_of(_ROWS)
    add(log, [fields for name in known for fields in kind.entries(name)], milliseconds=9)
    log.drain()
    names = known[:20] + [f"new-{number}" for number in range(_ROWS)]
    add(log, [fields for name in names + known for fields in kind.entries(name)], milliseconds=10)
    log.drain()
    assert names_in(log, kind.table) == newest(names + known, _ROWS)
    assert log.projection() == log.replayed()


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_first_batch_reads_the_oldest_rows_and_not_whole_tables(own_server: Server, protocol: int) -> None:
    with redis.Redis(port=own_server.port, protocol=protocol) as client:
        log = Log(client, own_server.url, "otters", bounded(400))
        broken = entry(broken_completion())
        for number in range(400):
            add(log, [entry(completed(f"a{number}")), entry(cleaned(f"s{number}")), broken], milliseconds=10 + number)
        log.drain()
        add(log, [entry(completed("new")), entry(cleaned("new")), broken], milliseconds=5000)
        client.config_resetstat()
        assert Projector(client, "otters", bounds=log.bounds).drain() == 3
        asked = {name: told["calls"] for name, told in client.info("commandstats").items()}
        assert asked["cmdstat_hget"] < 20
        assert asked["cmdstat_xrange"] < 10
        assert log.projection() == log.replayed()


@pytest.mark.parametrize("changed", ['{"seq":1,"gaps":[],"closed":0,"entry_id":"nine"}', '{"seq":1}', "no JSON"])
def test_a_row_that_says_not_when_it_was_touched_is_named(log: Log, changed: str) -> None:
    log.bounds = Bounds(max_producers=3)
    for number in range(3):
        log.add(completed("a").decode(), "by", f"p{number}", "seq", 1)
    log.drain()
    log.client.hset(log.key("producers"), "p1", changed)
    log.add(completed("a").decode(), "by", "new", "seq", 1)
    with pytest.raises(Damaged, match=r":producers, field 'p1': .*somebody changed it: repair it with"):
        log.drain()


def test_a_row_under_a_name_that_is_no_text_is_named(log: Log) -> None:
    log.bounds = Bounds(max_producers=3)
    for number in range(3):
        log.add(completed("a").decode(), "by", f"p{number}", "seq", 1)
    log.drain()
    log.client.hset(log.key("producers"), b"\xff", '{"seq":1,"gaps":[],"closed":0,"entry_id":"1-0"}')
    log.add(completed("a").decode(), "by", "new", "seq", 1)
    with pytest.raises(Damaged, match=r":producers, field '\ufffd': .*somebody changed it"):
        log.drain()
