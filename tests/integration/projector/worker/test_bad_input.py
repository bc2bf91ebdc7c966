"""Whatever somebody writes to the log: it is quarantined with its reason, the rest is projected, the worker lives."""

from __future__ import annotations

import pytest

from tests.support.projecting import assert_right_in_the_end
from tests.support.projection import Log, completed, started

pytestmark = pytest.mark.server

BY = "host:1:0123456789abcdef"

BAD: dict[str, tuple[tuple[str | bytes, ...], str]] = {
    "no op": (("payload", completed("a")), "expected a field op"),
    "broken JSON": (("op", '{"type":"action_exec'), "no JSON"),
    "not an object": (("op", "[1,2]"), "expected a JSON object, found a list"),
    "a wrong type": (("op", completed("a", duration_ms="5")), "duration_ms: expected an integer"),
    "a boolean as a word": (("op", completed("a").replace("true", '"no"')), "success: expected true or false"),
    "a negative number": (("op", completed("a", duration_ms=-1)), "duration_ms: expected an integer from 0"),
    "a huge number": (("op", completed("a", duration_ms=2**53)), "found the number 9007199254740992"),
    "a float": (("op", completed("a", completed_at=1e3)), "completed_at: expected an integer"),
    "an unknown type": (("op", '{"type":"rocket_launched"}'), "type: expected one of"),
    "no type": (("op", "{}"), "type: expected one of"),
    "a missing field": (("op", '{"type":"cleanup_executed"}'), "scanner_id: expected a string"),
    "invalid UTF-8": (("op", b'{"type":"\xff\xfe"}'), "no JSON in UTF-8"),
    "an empty name": (("op", completed("")), "action_id: expected a string of 1 to 256 bytes"),
    "a long name": (("op", completed("ä" * 129)), "action_id: expected a string of 1 to 256 bytes, found 258 bytes"),
    "5 MB": (("op", completed("a", output="x" * 5_000_000)), "at most 1048576 bytes"),
    "5000 fields in the JSON": (
        ("op", completed("a")[:-1] + "".join(f', "f{n}": 0' for n in range(5000)) + "}"),
        "at most 100 fields",
    ),
    "5000 fields in the entry": (
        ("op", completed("a"), *(text for n in range(5000) for text in (f"f{n}", "x"))),
        "at most 100 fields in an entry, found 5001",
    ),
    "a field twice in the JSON": (
        ("op", completed("a")[:-1] + ', "success": false}'),
        "success: expected the field once",
    ),
    "a field twice in the entry": (("op", completed("a"), "op", completed("a")), "each field of an entry once"),
    "by without seq": (("op", completed("a"), "by", BY), "both or neither, found only by"),
    "seq without by": (("op", completed("a"), "seq", "1"), "both or neither, found only seq"),
    "a seq of zero": (("op", completed("a"), "by", BY, "seq", "0"), "seq: expected a number from 1"),
    "a seq that is no number": (("op", completed("a"), "by", BY, "seq", "1e3"), "seq: expected a number"),
    "an acked that is no number": (("op", completed("a"), "by", BY, "seq", "1", "acked", "-1"), "acked: expected"),
    "a long by": (("op", completed("a"), "by", "b" * 257, "seq", "1"), "by: expected 1 to 256 bytes, found 257"),
    "retry_of that is no id": (("op", completed("a"), "retry_of", "yesterday"), "retry_of: expected an entry id"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_entry_is_quarantined_under_its_own_id_and_the_rest_is_projected(log: Log, name: str) -> None:
    fields, reason = BAD[name]
    log.add(completed("good"))
    bad = log.client.execute_command("XADD", log.key("wal"), "*", *fields)
    log.add(completed("good"))
    assert log.drain() == 3
    assert log.totals()["total_executions"] == 2
    assert log.checkpoint("quarantined") == "1"
    ((entry_id, kept),) = log.quarantine()
    assert entry_id == bad.decode()
    assert reason in kept[b"reason"].decode()
    assert all(len(value) <= 4096 for value in kept.values())
    assert_right_in_the_end(log)


def test_all_of_it_at_once(log: Log) -> None:
    for fields, _ in BAD.values():
        log.client.execute_command("XADD", log.key("wal"), "*", *fields)
        log.add(started("good", "run"))
        log.add(completed("good", True, "run"))
    log.drain()
    assert log.checkpoint("quarantined") == str(len(BAD)) == str(log.client.xlen(log.key("quarantine")))
    assert log.totals()["total_executions"] == len(BAD)
    assert_right_in_the_end(log)


def test_a_cut_field_is_kept_with_its_length(log: Log) -> None:
    log.add("x" * 10_000)
    log.drain()
    ((_, kept),) = log.quarantine()
    assert kept[b"op"] == b"x" * 4096
    assert kept[b"op:length"] == b"10000"


def test_a_bad_operation_still_uses_up_its_number_and_its_repetition_is_a_duplicate(log: Log) -> None:
    for _ in range(2):
        log.add("garbage", "by", BY, "seq", "1", "acked", "0")
    log.add(completed("a"), "by", BY, "seq", "2", "acked", "0")
    log.drain()
    assert (log.checkpoint("quarantined"), log.checkpoint("duplicates"), log.checkpoint("missing")) == ("1", "1", "0")
    assert log.totals()["total_executions"] == 1
