"""What is asked of a server for each level, and what its answers mean."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.exceptions import BusyLoadingError, ResponseError

from producer import UnusableServer
from producer.connection.wire import Wire
from producer.durability import Durability, prove_fsync


class Answering:
    """A wire whose server answers everything with `answer`."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.sent: list[tuple[Any, ...]] = []

    def send(self, commands: list[tuple[Any, ...]]) -> None:
        self.sent += commands

    def read(self, seconds: float) -> Any:
        assert seconds == 3.0
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("durability", "commands"),
    [
        (Durability(), []),
        (Durability(fsync=True, timeout=2), [("WAITAOF", 1, 0, 2000)]),
        (Durability(replicas=2, timeout=0.5), [("WAIT", 2, 500)]),
        (Durability(fsync=True, replicas=1, timeout=1), [("WAITAOF", 1, 0, 1000), ("WAIT", 1, 1000)]),
        (Durability(replicas=1, timeout=0.0001), [("WAIT", 1, 1)]),  # 0 would be for ever
    ],
)
def test_each_level_asks_for_no_more_than_it_needs(durability: Durability, commands: list[Any]) -> None:
    assert durability.commands == commands


@pytest.mark.parametrize(
    ("durability", "replies", "shortfall"),
    [
        (Durability(), [], None),
        (Durability(fsync=True), [[1, 0]], None),
        (Durability(fsync=True, timeout=2), [[0, 5]], "not synced to the server's disk within 2 s"),
        (Durability(replicas=2), [3], None),
        (Durability(replicas=2), [2], None),
        (Durability(replicas=2, timeout=0.5), [1], "received by 1 of 2 replicas within 0.5 s"),
        (Durability(fsync=True, replicas=1), [[1, 0], 1], None),
        (Durability(fsync=True, replicas=1, timeout=2), [[1, 0], 0], "received by 0 of 1 replicas within 2 s"),
        (Durability(fsync=True, replicas=1, timeout=2), [[0, 0], 1], "not synced to the server's disk within 2 s"),
    ],
)
def test_a_level_is_reached_or_it_is_said_what_is_missing(
    durability: Durability, replies: list[Any], shortfall: str | None
) -> None:
    left = list(replies)
    wire = cast(Wire, SimpleNamespace(read=lambda _seconds: left.pop(0)))
    assert durability.confirm(wire, seconds=1) == shortfall
    assert not left


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ResponseError("unknown command 'WAITAOF', with args beginning with: '1' "), "it has no WAITAOF"),
        (ResponseError("WAITAOF cannot be used when numlocal is set but appendonly is disabled."), "its AOF is off"),
        (ResponseError("NOPERM this user has no permissions to run the 'waitaof' command"), "NOPERM"),
    ],
)
def test_a_server_that_cannot_do_it_is_named_with_the_cure(answer: Exception, said: str) -> None:
    wire = Answering(answer)
    with pytest.raises(UnusableServer, match=rf"fsync=True cannot be had of here:1: .*{said}"):
        prove_fsync(cast("Wire", wire), "here:1", seconds=3.0)
    assert wire.sent == [("WAITAOF", 1, 0, 1)]


def test_trouble_that_passes_proves_nothing() -> None:
    with pytest.raises(BusyLoadingError):
        prove_fsync(cast("Wire", Answering(BusyLoadingError("LOADING"))), "here:1", seconds=3.0)
    prove_fsync(cast("Wire", Answering([1, 0])), "here:1", seconds=3.0)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"fsync": 1}, "fsync: expected"),
        ({"replicas": -1}, "replicas: expected"),
        ({"replicas": True}, "replicas: expected"),
        ({"replicas": 1.5}, "replicas: expected"),
        ({"timeout": 0}, "timeout of the durability: expected"),
        ({"timeout": float("inf")}, "timeout of the durability: expected"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Durability(**options)
