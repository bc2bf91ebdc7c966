"""The queue in memory: bounded, in order, and with room for who waits in time."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from producer import BufferFull, Producer, Unavailable
from producer.identity import Identity
from producer.queue.buffer import Buffer
from tests.support.spooling import AWAY

MANY = 1 << 30


def buffer(limit: int = 100, patience: float = 0.05) -> Buffer:
    return Buffer(Identity(), "otters", limit=limit, patience=patience)


def fill(queue: Buffer, count: int) -> None:
    for number in range(count):
        queue.append(b"%03d" % number, at=0)


def test_operations_come_out_as_they_went_in_and_stay_until_they_are_removed() -> None:
    queue = buffer()
    assert [queue.append(op, at=0) for op in (b"a", b"b", b"c")] == [1, 2, 3]
    assert queue.batch(2, MANY) == [(1, b"a"), (2, b"b")]
    assert queue.batch(MANY, MANY) == [(1, b"a"), (2, b"b"), (3, b"c")]
    queue.remove([(1, b"a"), (2, b"b")], acked=0)
    assert queue.batch(MANY, MANY) == [(3, b"c")]
    assert (queue.waiting, queue.removed, queue.last) == (1, 2, 3)


def test_a_batch_is_bounded_in_bytes_and_never_empty() -> None:
    queue = buffer()
    fill(queue, 5)
    assert [seq for seq, _ in queue.batch(MANY, 7)] == [1, 2]
    assert [seq for seq, _ in queue.batch(MANY, 1)] == [1]
    assert buffer().batch(MANY, MANY) == []


def test_one_too_many_waits_for_room_and_then_goes_in() -> None:
    queue = buffer(limit=2, patience=30)
    fill(queue, 2)
    waiting = threading.Thread(target=queue.append, args=[b"third", 0])
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    queue.remove(queue.batch(1, MANY), acked=0)
    waiting.join()
    assert [seq for seq, _ in queue.batch(MANY, MANY)] == [2, 3]


def test_one_for_whom_no_room_is_made_in_time_is_refused_and_uses_up_no_number() -> None:
    queue = buffer(limit=2, patience=0.2)
    fill(queue, 2)
    began = time.monotonic()
    with pytest.raises(BufferFull, match=r"2 operations wait in memory, and none left within 0\.2 s") as refusal:
        queue.append(b"third", 0)
    assert 0.2 <= time.monotonic() - began < 5
    assert isinstance(refusal.value, Unavailable)
    queue.remove(queue.batch(1, MANY), acked=0)
    assert queue.append(b"third", 0) == 3


def test_a_closed_buffer_refuses_at_once_also_who_waits_for_room() -> None:
    queue = buffer(limit=1, patience=60)
    fill(queue, 1)
    refused: list[BufferFull] = []

    def wait() -> None:
        try:
            queue.append(b"second", 0)
        except BufferFull as refusal:
            refused.append(refusal)

    waiting = threading.Thread(target=wait)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    queue.close()
    waiting.join()
    assert "was closed" in str(refused[0])
    with pytest.raises(BufferFull, match="was closed"):
        queue.append(b"third", 0)


def test_threads_share_the_numbers() -> None:
    queue = buffer(limit=10_000)
    threads = [threading.Thread(target=fill, args=[queue, 500]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [seq for seq, _ in queue.batch(MANY, MANY)] == list(range(1, 4001))


def test_a_signal_handler_that_records_too_neither_hangs_nor_gets_them_out_of_order() -> None:
    queue = buffer(limit=1_000_000)
    calls = 0

    def record(*_: object) -> None:
        nonlocal calls
        calls += 1
        queue.append(b"from the handler", at=0)

    before = signal.signal(signal.SIGALRM, record)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        while calls < 100:
            queue.append(b"from the engine", at=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert [seq for seq, _ in queue.batch(MANY, MANY)] == list(range(1, queue.last + 1))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"buffer": 0}, "buffer: expected"),
        ({"buffer": 1.5}, "buffer: expected"),
        ({"buffer": 5, "buffer_timeout": 0}, "buffer_timeout: expected"),
        ({"buffer": 5, "buffer_timeout": float("inf")}, "buffer_timeout: expected"),
        ({"buffer_timeout": 5}, "without a buffer"),
        ({"buffer": 5, "spool": "/nowhere"}, "both a spool and a buffer"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Producer(AWAY, **options)
