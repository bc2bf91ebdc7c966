"""A wire: what closes its connection, what stands in a reply's place, and the shapes of replies."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import fakeredis
import pytest
from redis.exceptions import MovedError, ResponseError

from producer.connection.wire import Wire, entries_of, pairs_of, send_once


@pytest.fixture
def wire() -> Wire:
    return Wire(fakeredis.FakeRedis(), b"key")


def test_a_refused_command_leaves_its_error_among_the_replies_and_the_wire_open(wire: Wire) -> None:
    replies = wire.ask([("SET", "key", "1"), ("LPUSH", "key", "x"), ("GET", "key")])
    assert [type(reply) for reply in replies] == [bytes, ResponseError, bytes]
    assert wire.is_open
    assert wire.ask([("GET", "key")]) == [b"1"]


def test_an_error_that_is_raised_closes_the_wire(wire: Wire) -> None:
    wire.send([("SET", "key", "1"), ("LPUSH", "key", "x"), ("GET", "key")])
    wire.read()
    with pytest.raises(ResponseError):
        wire.read()
    assert not wire.is_open


def test_more_commands_than_fit_in_a_piece_are_all_sent(wire: Wire) -> None:
    wire.send(("INCR", "key") for _ in range(250))
    assert [wire.read(5) for _ in range(250)] == list(range(1, 251))


def test_a_key_that_has_moved_is_asked_for_once_more_at_its_new_node(monkeypatch: pytest.MonkeyPatch) -> None:
    class Moved(fakeredis.FakeRedis):
        """A client of a cluster whose node says once that the key is elsewhere."""

        nodes_manager = SimpleNamespace(initialize=lambda **_known: asked.append("nodes"))

        def get_nodes(self) -> list[Any]:
            return []

    def pool_of(client: Any, _key: bytes) -> Any:
        asked.append("pool")
        if asked == ["pool"]:
            raise MovedError("5649 127.0.0.1:7001")
        return client.connection_pool

    asked: list[str] = []
    monkeypatch.setattr("producer.connection.wire.is_cluster", lambda _client: True)
    monkeypatch.setattr("producer.connection.wire.pool_of", pool_of)
    assert send_once(Moved(), "INCR", "key") == 1
    assert asked == ["pool", "nodes", "pool"]


@pytest.mark.parametrize("reply", [[b"a", 1, b"b", 2], [[b"a", 1], [b"b", 2]], {b"a": 1, b"b": 2}])
def test_pairs_are_the_same_by_every_protocol(reply: Any) -> None:
    assert pairs_of(reply) == {b"a": 1, b"b": 2}


@pytest.mark.parametrize("reply", [[[b"log", [(b"1-0", [])]]], {b"log": [(b"1-0", [])]}])
def test_entries_are_the_same_by_every_protocol(reply: Any) -> None:
    assert entries_of(reply) == [(b"1-0", [])]
    assert entries_of(None) == entries_of({}) == []
