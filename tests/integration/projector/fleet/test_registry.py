"""The registry of workers: who lives, what they say, and what becomes of it in a bad place."""

from __future__ import annotations

import time

import pytest

from projector.errors import ProjectorError
from projector.fleet.sharing.registry import Registry, Word
from projector.keys import WORKERS
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server


def test_workers_hear_what_the_others_said_last_until_they_leave(own_server: Server) -> None:
    one, other = Registry(own_server.url, alive_ms=60_000), Registry(own_server.url, alive_ms=60_000)
    first, second = Word(serves=("a", "b"), has=("a",)), Word(serves=("b",), awaits=("b",))
    assert one.tell(first) == {one.me: first}
    assert other.tell(second) == {one.me: first, other.me: second}
    assert one.tell(Word()) == {one.me: Word(), other.me: second}
    other.leave()
    assert one.tell(first) == {one.me: first}
    one.leave()
    with own_server.client() as client:
        assert not client.exists(WORKERS)


def test_a_worker_that_is_silent_is_forgotten_and_comes_back_with_its_next_word(own_server: Server) -> None:
    one, other = Registry(own_server.url, alive_ms=60_000), Registry(own_server.url, alive_ms=50)
    other.tell(Word())
    time.sleep(0.1)
    assert one.tell(Word()) == {one.me: Word()}
    with own_server.client() as client:
        assert client.hlen(WORKERS) == 2
    assert set(other.tell(Word())) == {one.me, other.me}
    one.leave()
    with own_server.client() as client:
        eventually(lambda: not client.exists(WORKERS), what="the registry to be forgotten with the last worker")


def test_what_stands_in_the_registry_and_no_worker_wrote_is_passed_over(own_server: Server) -> None:
    one = Registry(own_server.url, alive_ms=60_000)
    with own_server.client() as client:
        client.hset(WORKERS, mapping={"x": "no JSON", "x until": "99999999999999", "y until": "soon", "z": "{}"})
        assert one.tell(Word()) == {one.me: Word()}
        assert not client.hexists(WORKERS, "y until")
        client.script_flush()
        assert one.tell(Word()) == {one.me: Word()}
        client.config_set("maxmemory", "1")
        assert one.tell(Word(has=("a",))) == {one.me: Word(has=("a",))}
        client.config_set("maxmemory", "0")
        client.delete(WORKERS)
        client.set(WORKERS, "in the way")
        with pytest.raises(ProjectorError):
            one.tell(Word())
    one.leave()
