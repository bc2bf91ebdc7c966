"""A wire: what closes its connection, what stands in a reply's place, and the shapes of replies."""

from __future__ import annotations

from typing import Any

import fakeredis
import pytest
from redis.exceptions import ResponseError

from producer.connection.wire import Wire, entries_of, pairs_of


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


def test_a_reader_that_stops_before_the_last_reply_closes_the_wire(wire: Wire) -> None:
    wire.send([("PING",)] * 3)
    replies = wire.replies(3, seconds=5)
    next(replies)
    replies.close()  # type: ignore[attr-defined]
    assert not wire.is_open


def test_more_commands_than_fit_in_a_piece_are_all_sent(wire: Wire) -> None:
    wire.send(("INCR", "key") for _ in range(250))
    assert list(wire.replies(250, seconds=5)) == list(range(1, 251))


@pytest.mark.parametrize("reply", [[b"a", 1, b"b", 2], [[b"a", 1], [b"b", 2]], {b"a": 1, b"b": 2}])
def test_pairs_are_the_same_by_every_protocol(reply: Any) -> None:
    assert pairs_of(reply) == {b"a": 1, b"b": 2}


@pytest.mark.parametrize("reply", [[[b"log", [(b"1-0", [])]]], {b"log": [(b"1-0", [])]}])
def test_entries_are_the_same_by_every_protocol(reply: Any) -> None:
    assert entries_of(reply) == [(b"1-0", [])]
    assert entries_of(None) == entries_of({}) == []
