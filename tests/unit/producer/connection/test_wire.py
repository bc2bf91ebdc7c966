"""A wire: what closes its connection, what stands in a reply's place, and the shapes of replies."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import fakeredis
import pytest
import redis
from redis._parsers import _HiredisParser, _RESP2Parser, _RESP3Parser
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.exceptions import BusyLoadingError, ExecAbortError, MovedError, OutOfMemoryError, ResponseError

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


_PIECES = [1, 2, 3, 7, 10, 4096]


@pytest.fixture(params=[*[(3, _HiredisParser, size) for size in _PIECES], (2, _RESP2Parser, 3), (3, _RESP3Parser, 3)])
def told(request: pytest.FixtureRequest) -> Iterator[Callable[[bytes], Wire]]:
    """Makes the wire of a server that has said all that it is told to, and hung up. It arrives in pieces."""
    protocol, parser, piece = request.param
    ours, theirs = socket.socketpair()
    connection: Any = redis.Connection(protocol=protocol, parser_class=parser, socket_read_size=piece)
    connection._sock = ours
    connection._parser.on_connect(connection)
    wire = Wire(fakeredis.FakeRedis(), b"key")
    wire._connection, wire._pool = connection, SimpleNamespace(release=lambda _connection: None)

    def after(said: bytes) -> Wire:
        with theirs:
            theirs.sendall(said)
        return wire

    with ours, theirs:
        yield after


def test_what_a_transaction_has_executed_is_the_reply_to_each_command(told: Callable[[bytes], Wire]) -> None:
    wire = told(b"+QUEUED\r\n" * 3 + b"*3\r\n:1\r\n-WRONGTYPE of a key\r\n$2\r\nok\r\n+NEXT\r\n")
    first, failed, last = wire.executed(3)
    assert (first, str(failed), last) == (1, "WRONGTYPE of a key", b"ok")
    assert isinstance(failed, ResponseError)
    assert wire.read() == b"NEXT"


def test_a_transaction_whose_watched_keys_were_touched_has_executed_nothing(
    told: Callable[[bytes], Wire], request: pytest.FixtureRequest
) -> None:
    nil = b"_" if request.node.callspec.params["told"][0] == 3 else b"*-1"
    wire = told(b"+QUEUED\r\n" * 2 + nil + b"\r\n+NEXT\r\n")
    assert wire.executed(2) is None
    assert wire.read() == b"NEXT"


def test_of_a_transaction_that_was_refused_the_first_reason_is_told(told: Callable[[bytes], Wire]) -> None:
    wire = told(b"+QUEUED\r\n-OOM of one\r\n-NOPERM of another\r\n+QUEUED\r\n-EXECABORT of it\r\n+NEXT\r\n")
    assert isinstance(refused := wire.executed(4), OutOfMemoryError)
    assert str(refused) == "of one"
    assert wire.read() == b"NEXT"


def test_a_transaction_may_be_refused_when_all_is_queued(told: Callable[[bytes], Wire]) -> None:
    wire = told(b"+QUEUED\r\n-EXECABORT Transaction discarded because of: OOM command not allowed\r\n+NEXT\r\n")
    assert isinstance(refused := wire.executed(1), ExecAbortError)
    assert "OOM" in str(refused)
    assert wire.read() == b"NEXT"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"+QUEUED\r\n-LOADING the data\r\n+QUEUED\r\n*0\r\n", BusyLoadingError),
        (b"+QUEUED\r\n+QUE", redis.ConnectionError),
        (b"+QUEUED\r\n" * 3, redis.ConnectionError),
    ],
)
def test_a_transaction_whose_end_nobody_knows_closes_the_wire(
    told: Callable[[bytes], Wire], said: bytes, error: type[Exception]
) -> None:
    wire = told(said)
    with pytest.raises(error):
        wire.executed(3)
    assert not wire.is_open


@pytest.mark.parametrize("told", [(3, _HiredisParser, size) for size in _PIECES], indirect=True)
def test_a_message_among_the_replies_is_none(told: Callable[[bytes], Wire]) -> None:
    message = b">2\r\n$10\r\ninvalidate\r\n_\r\n"
    wire = told(b"+QUEUED\r\n" + message + b"+QUEUED\r\n" + message + b"*2\r\n:1\r\n:2\r\n")
    assert wire.executed(2) == [1, 2]


def test_redis_py_says_that_nothing_has_arrived_by_a_mere_object() -> None:
    """`Wire.answers` tells it from a reply by that."""
    assert type(NOT_ENOUGH_DATA) is object
