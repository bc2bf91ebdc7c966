"""What a Producer writes, refuses and raises: against fakeredis, and against a scripted way to the server."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import fakeredis
import orjson
import pytest
import redis
from redis.exceptions import OutOfMemoryError, ResponseError

from producer import (
    InvalidOperation,
    Producer,
    Receipt,
    UndecodableOperation,
    UnusableServer,
    WalError,
    WalRefused,
    WalUnavailable,
)
from producer.identity import SETTLE_SECONDS
from producer.operations import MAX_INTEGER, decode

WAL = "{otters}:wal"
NOW = 1_790_000_000_000
"""The clock of the fixture `producer`, in epoch milliseconds."""


class Log:
    """A fake server, and what a producer has written there."""

    def __init__(self) -> None:
        self.server = fakeredis.FakeServer()
        self.client: Any = fakeredis.FakeRedis(server=self.server)

    @property
    def entries(self) -> list[dict[bytes, bytes]]:
        return [fields for _, fields in self.client.xrange(WAL)]

    @property
    def operations(self) -> list[dict[str, Any]]:
        return [orjson.loads(fields[b"op"]) for fields in self.entries]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def producer(log: Log) -> Producer:
    return Producer(log.client, clock=lambda: 1_790_000_000.0009)


# -- what is written --


def test_nothing_is_sent_on_construction() -> None:
    class Untouchable(redis.ConnectionPool):
        def get_connection(self, *_: object, **__: object) -> Any:
            raise AssertionError("a connection was asked for")

    with Producer(redis.Redis(connection_pool=Untouchable())):
        pass


def test_a_start_is_written_as_the_contract_has_it(log: Log, producer: Producer) -> None:
    receipt = producer.action_execution_started("notify", "watcher:idle-check", "command", execution_id="e1")
    [entry] = log.entries
    assert list(entry) == [b"op", b"by", b"seq", b"acked"]
    assert entry[b"op"] == (
        b'{"type":"action_execution_started","action_id":"notify","source":"watcher:idle-check",'
        b'"execution_type":"command","started_at":1790000000000,"execution_id":"e1"}'
    )
    assert (entry[b"by"].decode(), entry[b"seq"], entry[b"acked"]) == (receipt.by, b"1", b"0")
    assert receipt == Receipt(receipt.by, 1, log.client.xrange(WAL)[0][0].decode())


def test_a_completion_is_written_as_the_contract_has_it(log: Log, producer: Producer) -> None:
    producer.action_execution_completed(
        "notify", False, output=b"out", error="err", duration_ms=12.9, execution_id="e1", at=NOW
    )
    assert log.operations == [
        {
            "type": "action_execution_completed",
            "action_id": "notify",
            "success": False,
            "output": "out",
            "error": "err",
            "duration_ms": 12,
            "completed_at": NOW,
            "execution_id": "e1",
        }
    ]


def test_a_cleanup_is_written_as_the_contract_has_it(log: Log, producer: Producer) -> None:
    producer.cleanup_executed("stale-locks", "lock:deploy", "release", True)
    assert log.entries[0][b"op"] == (
        b'{"type":"cleanup_executed","scanner_id":"stale-locks","resource_id":"lock:deploy","action":"release",'
        b'"success":true,"executed_at":1790000000000}'
    )


def test_numbers_go_up_by_one_and_the_name_stays(log: Log, producer: Producer) -> None:
    receipts = [producer.cleanup_executed("s", "r", "delete", True) for _ in range(3)]
    assert [receipt.seq for receipt in receipts] == [1, 2, 3]
    assert {entry[b"by"].decode() for entry in log.entries} == {receipts[0].by}


def test_the_stream_is_never_trimmed_by_a_producer(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = scripted(monkeypatch, [b"1-0"])
    producer.cleanup_executed("s", "r", "delete", True)
    assert sent[0][:4] == ("XADD", WAL.encode(), "*", b"op")


def test_what_was_acknowledged_is_claimed_a_minute_later(log: Log) -> None:
    now = 1000.0
    producer = Producer(log.client, monotonic=lambda: now)
    for _ in range(3):
        producer.cleanup_executed("s", "r", "delete", True)
    now += SETTLE_SECONDS
    producer.cleanup_executed("s", "r", "delete", True)
    assert [entry[b"acked"] for entry in log.entries] == [b"0", b"0", b"0", b"3"]


@pytest.mark.parametrize("namespace", ["a", "A_z.0-9", "n" * 64])
def test_a_namespace_is_the_hash_tag_of_the_log(log: Log, namespace: str) -> None:
    Producer(log.client, namespace).cleanup_executed("s", "r", "delete", True)
    assert log.client.keys() == [f"{{{namespace}}}:wal".encode()]


@pytest.mark.parametrize("namespace", ["", "n" * 65, "a b", "a{b}", "a\n", "höhle", None, b"otters"])
def test_another_namespace_is_refused(log: Log, namespace: Any) -> None:
    with pytest.raises(UnusableServer, match="namespace: expected"):
        Producer(log.client, namespace)


# -- texts --


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("äöü 😀", "äöü 😀"),
        (b"caf\xe9", "caf\ufffd"),
        ("half \ud83d", "half \ufffd"),
        ("\ud83d\ude00", "😀"),
        ("", ""),
        (b"", ""),
        ("\x00\x1b[31m", "\x00\x1b[31m"),
    ],
)
def test_output_and_error_are_text_whatever_they_were(
    log: Log, producer: Producer, given: str | bytes, written: str
) -> None:
    producer.action_execution_completed("a", True, output=given, error=given, duration_ms=1)  # type: ignore[arg-type]
    assert (log.operations[0]["output"], log.operations[0]["error"]) == (written, written)


def test_an_id_with_a_lone_surrogate_is_written_with_a_replacement(log: Log, producer: Producer) -> None:
    """As a path has it whose bytes are no UTF-8: the cleanup took place, so it is recorded."""
    producer.cleanup_executed("s", "worktree:/tmp/\udcff", "delete", True)
    assert log.operations[0]["resource_id"] == "worktree:/tmp/\ufffd"


class Action(StrEnum):
    BACKUP = "backup"


def test_an_enum_of_strings_is_written_as_its_value(log: Log, producer: Producer) -> None:
    producer.action_execution_started(Action.BACKUP, "manual", "none")
    assert log.operations[0]["action_id"] == "backup"


@pytest.mark.parametrize("text", ["x", "é", "😀", "\x00"])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_output_and_error_are_cut_to_their_bounds_and_keep_their_end(
    log: Log, producer: Producer, text: str, as_bytes: bool
) -> None:
    long = text * 100_000 + "the end"
    given: Any = long.encode() if as_bytes else long
    producer.action_execution_completed("a", False, output=given, error=given, duration_ms=1)
    for field, bound in (("output", 16384), ("error", 4096)):
        kept = log.operations[0][field]
        marker, _, tail = kept.partition("] ")
        assert bound - 8 < len(kept.encode()) <= bound
        assert long.endswith(tail)
        assert marker == f"[{len(long.encode()) - len(tail.encode())} bytes cut"
    assert decode(log.entries[0][b"op"])


@pytest.mark.parametrize("bound", [0, 10, 100, 160 << 10])
def test_the_bound_of_the_output_can_be_chosen(log: Log, bound: int) -> None:
    """Even of one whose bytes take six each in JSON."""
    Producer(log.client, output_bytes=bound).action_execution_completed(
        "a", True, output="\x00" * (200 << 10), duration_ms=1
    )
    assert bound - 1 <= len(log.operations[0]["output"].encode()) <= bound


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"timeout": None},
        {"output_bytes": -1},
        {"output_bytes": 1 << 20},
        {"output_bytes": 1.5},
    ],
)
def test_an_option_out_of_its_bounds_is_refused(log: Log, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}: expected"):
        Producer(log.client, **options)


# -- what is refused --


class NumberLike:
    """As the integers and floats of array libraries: a number, but no int or float."""

    def __index__(self) -> int:
        return 5

    def __float__(self) -> float:
        return 5.0


def completed(producer: Producer, **fields: Any) -> Receipt:
    return producer.action_execution_completed(**{"action_id": "a", "success": True, "duration_ms": 1, **fields})


@pytest.mark.parametrize(
    ("given", "written"), [(0, 0), (-0.0, 0), (0.999, 0), (1.0, 1), (1999.99, 1999), (MAX_INTEGER, MAX_INTEGER)]
)
def test_a_duration_is_floored(log: Log, producer: Producer, given: float, written: int) -> None:
    completed(producer, duration_ms=given)
    assert log.operations[0]["duration_ms"] == written


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("duration_ms", value) for value in (-1, -0.5, MAX_INTEGER + 1, 1e300, 10**30)),
        *(("duration_ms", value) for value in (float("nan"), float("inf"), True, "5", None, NumberLike())),
        *(("at", value) for value in (-1, 1.5, MAX_INTEGER + 1, True, "now")),
        *(("success", value) for value in (1, 0, None, "true")),
        *(("action_id", value) for value in ("", "x" * 257, "é" * 129, 5, None, b"backup")),
        *(("execution_id", value) for value in ("", "x" * 257, 5)),
        *(("output", value) for value in (5, ["x"])),
        ("error", ValueError("x")),
    ],
)
def test_an_invalid_operation_is_refused_sends_nothing_and_takes_no_number(
    log: Log, producer: Producer, field: str, value: Any
) -> None:
    with pytest.raises(InvalidOperation) as refusal:
        completed(producer, **{field: value})
    assert isinstance(refusal.value, ValueError)
    assert refusal.value.field == ("completed_at" if field == "at" else field)
    assert log.entries == []
    assert completed(producer).seq == 1


DAY = 86_400_000
YEAR_2000 = 946_684_800_000


@pytest.mark.parametrize("at", [YEAR_2000, NOW - 1, NOW + DAY])
def test_a_time_from_the_year_2000_to_a_day_ahead_of_the_clock_is_taken(
    log: Log, producer: Producer, at: int
) -> None:
    completed(producer, at=at)
    assert log.operations[0]["completed_at"] == at


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (1_790_000_000, "1790000000 ms, which is 1970-01-21 17:13:20 UTC; these look like seconds"),
        (1_790_000_000.5, "1790000000.5 ms, which is 1970-01-21 17:13:20 UTC; these look like seconds"),
        (NOW * 1000, "1790000000000000 ms, which is beyond the year 9999"),
        (0, "0 ms, which is 1970-01-01 00:00:00 UTC"),
        (YEAR_2000 - 1, "946684799999 ms, which is 1999-12-31 23:59:59 UTC"),
        (NOW + DAY + 1, "1790086400001 ms, which is 2026-09-22 14:13:20 UTC"),
        (datetime(1999, 1, 1, tzinfo=UTC), "915148800000 ms, which is 1999-01-01 00:00:00 UTC"),
    ],
)
def test_an_odd_time_is_refused_and_another_unit_is_named(log: Log, producer: Producer, at: Any, found: str) -> None:
    with pytest.raises(InvalidOperation) as refusal:
        completed(producer, at=at)
    assert (refusal.value.field, refusal.value.found) == ("completed_at", found)
    assert "allow_odd_times" in refusal.value.expected
    with pytest.raises(InvalidOperation, match="started_at"):
        producer.action_execution_started("a", "manual", "command", at=at)
    with pytest.raises(InvalidOperation, match="executed_at"):
        producer.cleanup_executed("s", "r", "delete", True, at=at)
    assert log.entries == []


def test_an_odd_time_is_taken_by_a_producer_that_allows_them(log: Log) -> None:
    producer = Producer(log.client, allow_odd_times=True)
    completed(producer, at=5)
    completed(producer, at=MAX_INTEGER)
    assert [operation["completed_at"] for operation in log.operations] == [5, MAX_INTEGER]


def test_a_clock_of_the_producer_s_own_is_not_questioned(log: Log) -> None:
    """A board without a battery starts in 1970, and its engine must not stumble over that."""
    completed(Producer(log.client, clock=lambda: 5.0))
    assert log.operations[0]["completed_at"] == 5000


def test_an_aware_datetime_is_written_to_the_millisecond_below(log: Log, producer: Producer) -> None:
    completed(producer, at=datetime(2026, 9, 21, 16, 13, 20, 999_999, tzinfo=timezone(timedelta(hours=2))))
    assert log.operations[0]["completed_at"] == NOW + 999


def test_a_datetime_without_a_zone_is_refused(log: Log, producer: Producer) -> None:
    with pytest.raises(
        InvalidOperation, match=r"completed_at: expected .* with a time zone, found 2026-09-21T14:13:20"
    ):
        completed(producer, at=datetime(2026, 9, 21, 14, 13, 20))
    assert log.entries == []


def test_too_long_a_source_or_resource_is_refused(producer: Producer) -> None:
    with pytest.raises(InvalidOperation, match="source: expected a string of 1 to 4096 bytes"):
        producer.action_execution_started("a", "s" * 4097, "command")
    with pytest.raises(InvalidOperation, match="resource_id: expected a string of 1 to 4096 bytes"):
        producer.cleanup_executed("s", "r" * 4097, "delete", True)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_producer_is_neither_pickled_nor_copied(producer: Producer, copied: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="make one in each process"):
        copied(producer)


# -- the way to the server, scripted --


def scripted(monkeypatch: pytest.MonkeyPatch, outcomes: list[object]) -> list[tuple[object, ...]]:
    """Let each attempt to send have the next of `outcomes`; the list of what was sent."""
    sent: list[tuple[object, ...]] = []

    def send_once(_client: object, *command: object, **_: object) -> object:
        sent.append(command)
        outcome = outcomes[len(sent) - 1]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr("producer.delivery.direct.send_once", send_once)
    return sent


LOST = redis.TimeoutError("Timeout reading from socket")
WRONGTYPE = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
OOM = OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")


@pytest.mark.parametrize("trouble", [LOST, redis.ConnectionError("Connection refused."), OOM])
def test_what_passes_is_tried_again_with_the_same_number(
    producer: Producer, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    sent = scripted(monkeypatch, [trouble, trouble, b"5-0"])
    receipt = producer.cleanup_executed("s", "r", "delete", True)
    assert receipt == Receipt(receipt.by, 1, "5-0")
    assert sent[0] == sent[1] == sent[2]


def test_a_refusal_is_raised_at_once(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = scripted(monkeypatch, [WRONGTYPE])
    with pytest.raises(WalRefused, match="WRONGTYPE") as refusal:
        producer.cleanup_executed("s", "r", "delete", True)
    assert len(sent) == 1
    assert refusal.value.receipt.entry_id is None
    assert refusal.value.__cause__ is WRONGTYPE


def test_a_refusal_after_a_lost_reply_does_not_claim_that_nothing_landed(
    producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = scripted(monkeypatch, [LOST, WRONGTYPE, WRONGTYPE])
    with pytest.raises(WalUnavailable) as trouble:
        producer.cleanup_executed("s", "r", "delete", True)
    assert type(trouble.value) is WalUnavailable
    with pytest.raises(WalUnavailable) as again:
        producer.resend(trouble.value)
    assert type(again.value) is WalUnavailable
    assert len(sent) == 3


def test_a_refusal_after_refusals_that_pass_is_known_not_to_have_landed(
    producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, [OOM, WRONGTYPE, WRONGTYPE])
    with pytest.raises(WalRefused) as refusal:
        producer.cleanup_executed("s", "r", "delete", True)
    with pytest.raises(WalRefused):
        producer.resend(refusal.value)


def test_a_claim_made_after_silence_is_taken_back_when_the_connection_turns_out_dead(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retry may reach a new master, and must not claim what only the old one had."""
    now = 1000.0
    producer = Producer(log.client, monotonic=lambda: now)
    producer.cleanup_executed("s", "r", "delete", True)
    now += SETTLE_SECONDS
    sent = scripted(monkeypatch, [LOST, b"5-0"])
    producer.cleanup_executed("s", "r", "delete", True)
    assert [command[-1] for command in sent] == [1, 0]


def test_each_attempt_has_the_time_that_is_left(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    waits: list[float] = []

    def send_once(*_: object, seconds: float) -> bytes:
        nonlocal now
        waits.append(seconds)
        now += 2.0
        raise LOST

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("producer.delivery.direct.send_once", send_once)
    monkeypatch.setattr("time.sleep", sleep)
    with pytest.raises(WalUnavailable):
        Producer(log.client, timeout=5.0, monotonic=lambda: now).cleanup_executed("s", "r", "delete", True)
    assert waits == pytest.approx([5.0, 2.98, 0.94])
    assert now - 1000.0 < 5.0 + 2.0


# -- away, and back --


def away(log: Log, producer: Producer) -> WalUnavailable:
    """What the producer raises while the server is away."""
    log.server.connected = False
    with pytest.raises(WalUnavailable) as trouble:
        producer.cleanup_executed("stale-locks", "lock:deploy", "release", True, at=1_700_000_000_000)
    log.server.connected = True
    return trouble.value


def test_an_operation_without_acknowledgement_comes_back_with_all_it_takes_to_send_it_again(log: Log) -> None:
    producer = Producer(log.client, timeout=0.05)
    trouble = away(log, producer)
    assert type(trouble) is WalUnavailable
    assert trouble.type == "cleanup_executed"
    assert decode(trouble.raw).type == "cleanup_executed"
    assert trouble.receipt.seq == 1
    assert trouble.receipt.entry_id is None
    assert f"cleanup_executed was not acknowledged ({trouble.receipt.by} seq 1)" in str(trouble)

    second = producer.cleanup_executed("s", "r", "delete", True)
    receipt = producer.resend(trouble)
    assert (receipt.by, receipt.seq) == (second.by, 1)
    assert receipt.entry_id is not None
    assert [(entry[b"seq"], orjson.loads(entry[b"op"])["scanner_id"]) for entry in log.entries] == [
        (b"2", "s"),
        (b"1", "stale-locks"),
    ]


def test_another_producer_may_send_it_too_under_the_first_one_s_name(log: Log) -> None:
    trouble = away(log, Producer(log.client, timeout=0.05))
    other = Producer(log.client)
    assert other.resend(trouble).by == trouble.receipt.by
    assert other.cleanup_executed("s", "r", "delete", True).seq == 1


def test_what_it_sends_for_another_is_none_of_its_own_acknowledged_numbers(log: Log) -> None:
    trouble = away(log, Producer(log.client, timeout=0.05))
    now = 1000.0
    other = Producer(log.client, monotonic=lambda: now)
    other.resend(trouble)
    now += SETTLE_SECONDS
    other.cleanup_executed("s", "r", "delete", True)
    assert [entry[b"acked"] for entry in log.entries] == [b"0", b"0"]


@pytest.mark.parametrize(
    "error",
    [
        InvalidOperation("action_id", "a string", "null"),
        UndecodableOperation("", "JSON", "text", raw=b"{"),
        UnusableServer("no server"),
        None,
    ],
    ids=["InvalidOperation", "UndecodableOperation", "UnusableServer", "WalUnavailable"],
)
def test_an_error_is_the_same_after_pickling(log: Log, error: WalError | None) -> None:
    """A worker process hands it to its parent so, and multiprocessing hangs over one that cannot be read back."""
    error = error or away(log, Producer(log.client, timeout=0.05))
    error.add_note("a note")
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error)
    assert str(copied) == str(error)
    assert vars(copied) == vars(error)


def test_a_pickled_error_can_be_sent_again(log: Log) -> None:
    trouble = pickle.loads(pickle.dumps(away(log, Producer(log.client, timeout=0.05))))
    Producer(log.client).resend(trouble)
    assert [entry[b"seq"] for entry in log.entries] == [b"1"]


# -- the end --


def test_connections_of_its_own_are_closed() -> None:
    closed: list[str] = []
    with Producer("redis://localhost/0") as producer:
        of_it: Any = producer._log
        of_it.client.close = lambda: closed.append("closed")
        assert closed == []
    assert closed == ["closed"]


def test_a_client_that_was_passed_stays_open(log: Log) -> None:
    closed: list[str] = []
    log.client.close = lambda: closed.append("closed")
    with Producer(log.client):
        pass
    assert closed == []
