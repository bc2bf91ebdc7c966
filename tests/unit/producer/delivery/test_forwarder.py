"""The forwarding loop against a scripted connection: what is sent again, what may leave, and what is claimed."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import fakeredis
import pytest
import redis
from redis.exceptions import ExecAbortError, OutOfMemoryError, ResponseError

from producer.delivery.forwarder import Forwarder
from producer.durability import Durability
from producer.errors import SpoolDamaged, UnusableServer
from producer.identity import SETTLE_SECONDS, Identity
from producer.queue.buffer import Buffer
from producer.queue.queue import Numbered

LOST = redis.ConnectionError("Connection closed by server.")
OOM = OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")


class Line:
    """A connection whose replies follow a script, one item for each operation; after its end all is well.

    A transaction in which an operation is refused is refused whole. A lost connection is raised.
    """

    def __init__(self, script: Iterable[Any]) -> None:
        self.script = list(script)
        self.sent: list[list[tuple[Any, ...]]] = []
        self.closed = 0

    def __call__(self, *_: object) -> Line:
        return self

    def open(self) -> None: ...

    def send(self, commands: Iterable[tuple[Any, ...]]) -> None:
        self.sent.append(list(commands))

    def read(self, seconds: float) -> Any:  # noqa: ARG002 - it does not wait
        reply = self.script.pop(0) if self.script else 1
        if isinstance(reply, Exception):
            raise reply
        return reply

    def answers(self, count: int, seconds: float) -> list[Any]:  # noqa: ARG002
        is_transaction = self.sent[-1][0] == ("MULTI",)
        replies: list[Any] = []
        for _ in range(count - 2 * is_transaction):
            replies.append(self.script.pop(0) if self.script else 1)
            if isinstance(replies[-1], Exception) and not isinstance(replies[-1], ResponseError):
                raise replies[-1]
            if isinstance(replies[-1], Exception):
                break
        if not is_transaction:
            return replies
        if any(isinstance(reply, Exception) for reply in replies):
            return [b"OK", *replies, ExecAbortError()]
        return [b"OK", *[b"QUEUED"] * len(replies), replies]

    def close(self) -> None:
        self.closed += 1

    @property
    def numbers(self) -> list[list[int]]:
        """Of each batch, the numbers of its operations."""
        return [[command[8] for command in batch if command[0] == "XADD"] for batch in self.sent]

    @property
    def claims(self) -> list[int]:
        return [command[10] for batch in self.sent for command in batch if command[0] == "XADD"]


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    made = Line([])
    monkeypatch.setattr("producer.delivery.sender.Wire", made)
    monkeypatch.setattr("producer.delivery.forwarder._FIRST_PAUSE", 0.001)
    return made


class Gapped(Buffer):
    """One that has dropped the numbers from 3 to 9."""

    def __init__(self) -> None:
        super().__init__(Identity(), "otters", limit=1000, patience=1)
        self.claims: list[int] = []

    def append(self, op: bytes, at: int) -> int:
        seq = super().append(op, at)
        if seq == 2:
            self.last = 9
        return seq

    def remove(self, sent: Sequence[Numbered], acked: int) -> None:
        super().remove(sent, acked)
        self.claims.append(acked)


def buffer(count: int) -> Buffer:
    made = Buffer(Identity(), "otters", limit=1000, patience=1)
    for _ in range(count):
        made.append(b"{}", at=0)
    return made


def run(own: Buffer, durability: Durability | None = None, **options: Any) -> Forwarder:
    """A forwarder that has delivered all of `own`, and ended."""
    client = fakeredis.FakeRedis()
    made = Forwarder(client, own, leftovers=None, durability=durability or Durability(), timeout=1, **options)
    made.start()
    assert made.flush(30)
    made.stop(timeout=30)
    return made


def test_a_batch_that_arrives_is_sent_once(line: Line) -> None:
    forwarder = run(buffer(10))
    assert line.numbers == [list(range(1, 11))]
    assert (forwarder.delivered, forwarder.trouble) == (10, None)


@pytest.mark.parametrize("trouble", [LOST, OOM])
def test_a_batch_in_which_one_is_refused_is_sent_again_whole_and_begins_with_one(
    line: Line, trouble: Exception
) -> None:
    """In one transaction: were the refusal to pass in the middle of a batch, the order would be lost."""
    line.script = [b"1-1", b"1-2", b"1-3", trouble, trouble]
    run(buffer(10))
    assert line.numbers == [list(range(1, 11)), [1], [1], list(range(2, 11))]


def test_what_is_not_known_to_be_safe_does_not_leave_and_is_sent_again(line: Line) -> None:
    line.script = [b"1-1", b"1-2", LOST]  # the entries are there, and then the connection ends
    run(buffer(2), Durability(replicas=1))
    assert line.numbers == [[1, 2], [1], [2]]
    assert line.sent[0][-1] == ("WAIT", 1, 5000)


def test_a_level_that_is_not_reached_in_time_is_asked_for_again_and_nothing_is_sent_again(line: Line) -> None:
    line.script = [b"1-1", b"1-2", 0, 0, 1]
    forwarder = run(buffer(2), Durability(replicas=1))
    assert line.numbers == [[1, 2], [], []]
    assert forwarder.trouble is None


def test_the_claim_lags_and_stays_below_what_was_dropped(line: Line) -> None:
    now = 1000.0
    own = Gapped()
    client = fakeredis.FakeRedis()
    forwarder = Forwarder(client, own, leftovers=None, durability=Durability(), timeout=1, monotonic=lambda: now)
    forwarder.start()
    for _ in range(4):
        own.append(b"{}", at=0)
        forwarder.wake()
        assert forwarder.flush(30)
        now += 2 * SETTLE_SECONDS
    forwarder.stop(timeout=30)
    assert line.numbers == [[1], [2], [10], [11]]
    assert line.claims == [0, 1, 2, 2]
    assert max(own.claims) <= 2


def test_a_batch_with_numbers_left_out_claims_none_of_them(line: Line) -> None:
    own = Gapped()
    for _ in range(4):
        own.append(b"{}", at=0)
    run(own)
    assert line.numbers == [[1, 2, 10, 11]]
    assert own.identity.claim(1e12) < 3  # years later


def test_trouble_of_ours_does_not_end_the_thread(line: Line) -> None:
    line.script = [ZeroDivisionError("a mistake"), b"1-1"]
    run(buffer(1))
    assert line.numbers == [[1], [1]]


@pytest.mark.usefixtures("line")
def test_a_flush_may_take_any_time() -> None:
    own = buffer(0)
    forwarder = Forwarder(fakeredis.FakeRedis(), own, leftovers=None, durability=Durability(), timeout=1)
    own.append(b"{}", at=0)  # before the thread: `flush` has to wait
    threading.Timer(0.1, forwarder.start).start()
    assert forwarder.flush(math.inf)
    forwarder.stop(timeout=30)


def test_a_connection_is_closed_at_the_end(line: Line) -> None:
    run(buffer(1))
    assert line.closed >= 1


class Damaged(Buffer):
    """One whose operation 5 cannot be read, and for now not be left behind either."""

    mended = False

    def batch(self, count: int, size: int) -> list[Numbered]:
        if self.mended:
            return [(seq, op) for seq, op in super().batch(count + 1, size) if seq != 5][:count]
        found = super().batch(count, size)
        if 5 in [seq for seq, _ in found]:
            raise SpoolDamaged("5 is damaged")
        return found

    def tend(self) -> None:
        if not self.mended:
            raise SpoolDamaged("5 is damaged; it cannot be saved")

    def remove(self, sent: Sequence[Numbered], acked: int) -> None:
        super().remove([(0, b"")] * (sent[-1][0] - self.removed - 1) + list(sent), acked)


def test_what_comes_before_damage_that_cannot_be_mended_is_delivered_and_said_once(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    own = Damaged(Identity(), "otters", limit=1000, patience=1)
    for _ in range(10):
        own.append(b"{}", at=0)
    client = fakeredis.FakeRedis()
    forwarder = Forwarder(client, own, leftovers=None, durability=Durability(), timeout=1)
    forwarder.start()
    assert not forwarder.flush(30, attempts=4)
    assert line.numbers == [[1], [2], [3], [4]]
    assert forwarder.trouble == "5 is damaged; it cannot be saved"
    assert caplog.text.count("operations wait: ") <= 2
    own.mended = True
    assert forwarder.flush(30)
    forwarder.stop(timeout=30)
    assert [seq for batch in line.numbers[4:] for seq in batch] == [6, 7, 8, 9, 10]


def test_a_level_that_the_server_cannot_have_is_raised_by_flush_until_it_can(line: Line) -> None:
    no = ResponseError("WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
    line.script = [no] * 10_000  # however often it tries
    own = buffer(2)
    forwarder = Forwarder(fakeredis.FakeRedis(), own, leftovers=None, durability=Durability(fsync=True), timeout=1)
    forwarder.start()
    for _ in range(2):
        with pytest.raises(UnusableServer, match="its AOF is off"):
            forwarder.flush(30)
    line.script = [[1, 0], b"1-1", [1, 0], b"1-2", [1, 0]]
    assert forwarder.flush(30)
    assert forwarder.unusable is None
    forwarder.stop(timeout=30)
