"""The log, read: facts, pages in both directions, single entries."""

from __future__ import annotations

from functools import partial
from typing import Any

import fakeredis
import pytest

from producer.connection.wire import send_once
from producer.log import Log, LogFacts

XINFO = [
    *(b"length", 3, b"entries-added", 7, b"last-generated-id", b"9-0", b"groups", 1),
    *(b"first-entry", [b"5-0", [b"op", b"x"]]),
]


@pytest.fixture
def client() -> fakeredis.FakeRedis:
    client = fakeredis.FakeRedis()
    for number in range(1, 6):
        send_once(client, "XADD", "{otters}:wal", f"{number}-0", "op", str(number), "op", "again")
    return client


@pytest.fixture
def log(client: fakeredis.FakeRedis) -> Log:
    return Log(partial(send_once, client), "otters")


def ids(page: list[Any]) -> list[bytes]:
    return [entry_id for entry_id, _ in page]


def test_pages_go_on_behind_an_entry_and_end_at_the_last_that_is_wanted(log: Log) -> None:
    assert ids(log.after("", 2)) == [b"1-0", b"2-0"]
    assert ids(log.after("2-0", 2)) == [b"3-0", b"4-0"]
    assert ids(log.after("2-0", 9, last="3-0")) == [b"3-0"]
    assert log.after("5-0", 2) == []


def test_the_newest_entries_come_newest_first(log: Log) -> None:
    assert ids(log.newest(2)) == [b"5-0", b"4-0"]


def test_an_entry_keeps_the_order_and_the_repetitions_of_its_fields(log: Log) -> None:
    assert log.entry("3-0") == [b"op", b"3", b"op", b"again"]
    assert log.entry("3-1") is None


def test_a_page_is_asked_for_ahead_by_the_same_command(log: Log, client: fakeredis.FakeRedis) -> None:
    came: list[Any] = []
    log.request_after(lambda then, *command: then(send_once(client, *command)), came.extend, "3-0", 9)
    assert came == log.after("3-0", 9)


def test_the_facts_are_told_by_name_whatever_the_protocol() -> None:
    told = dict(zip(XINFO[0::2], XINFO[1::2], strict=True))
    for reply in (XINFO, told):
        assert LogFacts.of_reply(reply) == LogFacts(length=3, added=7, first_id="5-0", last_id="9-0")
    assert LogFacts.of_reply(told).gone == 4
    assert LogFacts.of_reply(told | {b"first-entry": None}).first_id is None


def test_a_server_that_does_not_tell_what_was_added_has_lost_nothing_that_is_known() -> None:
    facts = LogFacts.of_reply([b"length", 3, b"last-generated-id", b"9-0"])
    assert (facts.added, facts.gone) == (None, 0)


def test_a_log_that_is_not_there_has_no_facts(client: fakeredis.FakeRedis) -> None:
    assert Log(partial(send_once, client), "another").facts() is None
