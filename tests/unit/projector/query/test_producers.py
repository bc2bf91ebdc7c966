"""Producers, of a projection written by hand."""

from __future__ import annotations

import fakeredis
import orjson
import pytest

from projector.errors import Damaged, InvalidQuery
from projector.query import Query
from projector.query.query import asked
from projector.query.questions.health.missing import unaccepted

KEY = "{otters}:producers"


def row(**more: object) -> bytes:
    return orjson.dumps({"seq": 900, "gaps": [], "closed": 0, "entry_id": "5-0", **more})


@pytest.fixture
def server() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis(version=(7, 2))


def test_the_first_gaps_are_told_and_the_sum_of_all(server: fakeredis.FakeRedis) -> None:
    server.hset(KEY, "many", row(gaps=[[n, n + 1] for n in range(1, 300, 3)]))
    (found,) = Query(server).producers()
    assert len(found.gaps) == 20
    assert (found.gaps[1], found.missing) == ((4, 5), 200)


def test_of_all_gaps_of_all_producers_it_is_known_how_many_nobody_has_accepted(server: fakeredis.FakeRedis) -> None:
    for by in range(1100):
        server.hset(KEY, f"{by:04}", row(gaps=[[n, n + 1] for n in range(1, 75, 3)], accepted=1))
    server.hset("{otters}:checkpoint", mapping={"last_id": "5-0", "entries": 1, "missing": 1100 * 50 + 7})
    assert asked(Query(server), unaccepted()) == 1100 * 49  # and 7 of producers that are no longer known


def test_entry_ids_are_ordered_as_numbers_and_evicted_producers_are_no_secret(server: fakeredis.FakeRedis) -> None:
    for by, entry_id in (("a", "5-9"), ("b", "5-10"), ("c", "4-99")):
        server.hset(KEY, by, row(entry_id=entry_id))
    assert Query(server).producers().complete
    server.hset("{otters}:checkpoint", mapping={"last_id": "5-10", "entries": 3, "producers_evicted": 1})
    found = Query(server).producers()
    assert [one.by for one in found] == ["b", "a", "c"]
    assert not found.complete
    assert Query(server).producers(0) == []
    assert Query(fakeredis.FakeRedis(version=(7, 2))).producers() == []


@pytest.mark.parametrize("damage", [b"x", row(gaps=[[1]]), row(seq="1"), row(entry_id="never"), b"{}"])
def test_what_is_no_row_is_damage_that_names_its_key(server: fakeredis.FakeRedis, damage: bytes) -> None:
    server.hset(KEY, "by", damage)
    with pytest.raises(Damaged, match=f"{KEY} holds no ProducerNumbers"):
        Query(server).producers()


def test_a_limit_that_is_none_is_refused(server: fakeredis.FakeRedis) -> None:
    with pytest.raises(InvalidQuery, match="limit"):
        Query(server).producers(-1)
