"""A projection whose values somebody changed stops the projector that needs them; it says which, and the cure."""

from __future__ import annotations

import pytest

from projector.bounds import Bounds
from projector.errors import Damaged
from tests.support.projection import Log

pytestmark = pytest.mark.server

_SEQUENCE = '{"seq":%s,"gaps":%s,"closed":0,"entry_id":"1-0"}'


@pytest.mark.parametrize(
    "changed",
    [
        _SEQUENCE % ('"5"', "[]"),
        _SEQUENCE % ("1.5", "[]"),
        _SEQUENCE % ("5", "null"),
        _SEQUENCE % ("5", "[[1]]"),
        "{}",
        "no JSON",
    ],
)
def test_a_producers_numbers(log: Log, changed: str) -> None:
    with log.producer() as producer:
        producer.cleanup_executed("scanner", "lock:a", "release", True)
        log.drain()
        (by,) = log.client.hkeys(log.key("producers"))
        log.client.hset(log.key("producers"), by, changed)
        producer.cleanup_executed("scanner", "lock:b", "release", True)
        with pytest.raises(Damaged, match=r":producers, field .*changed it: repair it with: projector rebuild"):
            log.drain()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("total_executions", "-5"),
        ("total_executions", "1_0"),
        ("duration_ms_sum", "1e3"),
        ("first_at", None),
        ("duration_ms_max", None),
        ("successes", None),
        ("unheard_of", "1"),
    ],
)
def test_an_actions_statistics(log: Log, field: str, value: str | None) -> None:
    with log.producer() as producer:
        producer.action_execution_completed("backup", True, duration_ms=1)
        log.drain()
        if value is None:
            log.client.hdel(log.key("action:backup"), field)
        else:
            log.client.hset(log.key("action:backup"), field, value)
        producer.action_execution_completed("backup", True, duration_ms=1)
        with pytest.raises(
            Damaged, match=r":action:backup: .*somebody changed it: repair it with: projector rebuild"
        ):
            log.drain()


@pytest.mark.parametrize(("field", "value"), [("failures", None), ("action:release", "many"), ("last_at", "x")])
def test_a_scanners_statistics(log: Log, field: str, value: str | None) -> None:
    with log.producer() as producer:
        producer.cleanup_executed("scanner", "lock:a", "release", True)
        log.drain()
        if value is None:
            log.client.hdel(log.key("scanner:scanner"), field)
        else:
            log.client.hset(log.key("scanner:scanner"), field, value)
        producer.cleanup_executed("scanner", "lock:b", "release", True)
        with pytest.raises(Damaged, match=r":scanner:scanner: .*somebody changed it"):
            log.drain()


@pytest.mark.parametrize("member", [b"\xff", b"never seen"])
def test_the_index_of_actions(log: Log, member: bytes) -> None:
    log.bounds = Bounds(max_actions=1)
    with log.producer() as producer:
        producer.action_execution_completed("backup", True, duration_ms=1)
        log.drain()
        log.client.zadd(log.key("actions"), {member: 1})
        producer.action_execution_completed("restore", True, duration_ms=1)
        with pytest.raises(Damaged, match=r":actions: .*somebody changed it"):
            log.drain()
