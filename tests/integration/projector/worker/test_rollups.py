"""Rollups and kinds of failure on a real server: loaded as far as a batch needs them, deleted in time, checked."""

from __future__ import annotations

from typing import Any

import pytest

from projector import Projector
from projector.commit.link import Link
from projector.errors import Damaged
from projector.shadow import rebuild
from projector.verification import verify
from tests.support.projection import Log, completed
from tests.support.servers import Server

pytestmark = pytest.mark.server

HOUR, DAY = 3_600_000, 86_400_000
NOON = 1_790_000_000_000 // DAY * DAY + DAY // 2


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The commands that projectors wait for, while they run in this process."""
    commands: list[tuple[Any, ...]] = []
    call_all = Link.call_all

    def recorded(link: Link, more: list[tuple[Any, ...]]) -> list[Any]:
        commands.extend(more)
        return call_all(link, more)

    monkeypatch.setattr(Link, "call_all", recorded)
    return commands


def of_rollups(sent: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """(command, key after the namespace, the rest) of those that read rollups or failed runs."""
    with_key = [command for command in sent if command[1:]]
    texts = [tuple(part.decode() if isinstance(part, bytes) else part for part in command) for command in with_key]
    return [
        (name, key.partition("}:")[2], *more)
        for name, key, *more in texts
        if "}:history:" in str(key) or "}:failure_" in str(key)
    ]


def test_a_takeover_loads_the_rows_that_its_batch_needs(log: Log, sent: list[tuple[Any, ...]]) -> None:
    for number in range(50):
        log.add(completed(f"a{number}", number % 2 == 0, error="exit status 1"), entry_id=f"{NOON}-{number}")
    log.drain()
    log.add(completed("a0"), entry_id=f"{NOON + 1}-0")
    log.add(completed("a1", False), entry_id=f"{NOON + 1}-1")
    sent.clear()
    log.drain()
    day = NOON - DAY // 2
    assert of_rollups(sent) == [
        ("HGET", "history:minutes", NOON),
        ("HGET", "history:hours", NOON),
        ("HLEN", f"history:hours:{NOON}"),
        ("HLEN", f"history:days:{day}"),
        ("HMGET", f"history:hours:{NOON}", "a0", "a1", "(other)"),
        ("HMGET", f"history:days:{day}", "a0", "a1", "(other)"),
        ("HGETALL", "failure_kinds:a1"),
        ("HGETALL", "failure_durations:a1"),
    ]
    assert verify(log.client, log.namespace).identical


def test_successes_load_no_failed_runs_and_a_new_hour_no_rows(log: Log, sent: list[tuple[Any, ...]]) -> None:
    log.add(completed("a", False), entry_id=f"{NOON}-0")
    log.drain()
    log.add(completed("a"), entry_id=f"{NOON + DAY}-0")
    sent.clear()
    log.drain()
    assert [name for name, *_ in of_rollups(sent)] == ["HGET", "HGET", "HLEN", "HLEN"]
    assert verify(log.client, log.namespace).identical


def test_the_first_entry_after_a_restart_deletes_what_has_expired_meanwhile(log: Log) -> None:
    log.add(completed("a"), entry_id=f"{NOON}-0")
    log.drain()
    day = NOON - DAY // 2
    assert log.client.hkeys(log.key("history:minutes")) == [str(NOON).encode()]
    for later, left in [(6 * HOUR, [f"hours:{NOON}", f"days:{day}"]), (14 * DAY, [f"days:{day}"]), (400 * DAY, [])]:
        log.add('{"type":"unheard of"}', entry_id=f"{NOON + later}-0")
        log.drain()
        assert not log.client.exists(log.key("history:minutes"))
        there = [name for name in (f"hours:{NOON}", f"days:{day}") if log.client.exists(log.key(f"history:{name}"))]
        assert there == left
        assert verify(log.client, log.namespace).identical


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        ("history:minutes", str(NOON), "{}x"),
        (f"history:hours:{NOON}", "a", '{"runs":-1}'),
        (f"history:days:{NOON - DAY // 2}", "a", "5"),
        ("failure_kinds:a", "exit status <number>", '{"count":1}'),
    ],
)
def test_a_row_that_somebody_changed_stops_the_projector_that_needs_it(
    log: Log, key: str, field: str, value: str
) -> None:
    log.add(completed("a", False, error="exit status 1"), entry_id=f"{NOON}-0")
    log.drain()
    assert log.client.hset(log.key(key), field, value) == 0
    log.add(completed("a", False, error="exit status 2"), entry_id=f"{NOON + 1}-0")
    with pytest.raises(Damaged, match=rf":{key}.*somebody changed it: repair it with: projector rebuild"):
        log.drain()


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log.client.hset(log.key("history:hours"), NOON, "{}"),
        lambda log: log.client.hdel(log.key(f"history:hours:{NOON}"), "a"),
        lambda log: log.client.hset(log.key(f"history:days:{NOON}"), "a", "{}"),
        lambda log: log.client.hset(log.key("failure_kinds:a"), "more", "{}"),
        lambda log: log.client.hset(log.key("failure_kinds:never seen"), "more", "{}"),
        lambda log: log.client.hset(log.key("failure_durations:a"), 5, 2),
    ],
)
def test_verify_finds_what_was_changed_and_rebuild_repairs_it(log: Log, change: Any) -> None:
    log.add(completed("a", False, error="exit status 1"), entry_id=f"{NOON}-0")
    log.drain()
    change(log)
    assert len(verify(log.client, log.namespace).differences) == 1
    rebuild(log.client, log.namespace)
    assert verify(log.client, log.namespace).identical


def test_a_projector_that_goes_on_loads_each_bucket_once(
    log: Log, shared_server: Server, sent: list[tuple[Any, ...]]
) -> None:
    """Whole, with its second batch; from then on it asks for nothing."""
    log.add(completed("a"), entry_id=f"{NOON}-0")
    log.drain()
    for number in range(1, 1001):
        log.add(completed(f"a{number % 7}"), entry_id=f"{NOON}-{number}")
    sent.clear()
    assert Projector(shared_server.url, log.namespace).drain() == 1000
    assert [name for name, *_ in of_rollups(sent)] == [
        "HGET",
        "HGET",
        "HLEN",
        "HLEN",
        "HMGET",
        "HMGET",
        "HGETALL",
        "HGETALL",
    ]
