"""A spool in trouble while its engine runs, on a real server: damaged, full, on a disk that is read-only."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from producer import Producer, Spool, SpoolFull
from tests.support.proxy import Proxy
from tests.support.recording import record
from tests.support.servers import Server, eventually
from tests.support.spooling import counted, files, first_occurrences, meant_for

pytestmark = pytest.mark.server

PATIENT = 60.0


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def gate(shared_server: Server) -> Iterator[Proxy]:
    """The way to the server, shut for now."""
    with Proxy(shared_server.port, shut=True) as way:
        yield way


def opened(gate: Proxy, url: str, namespace: str, spool: Path, **options: Any) -> Producer:
    return Producer(gate.url, namespace, spool=Spool(spool, destination=meant_for(url), **options))


def flip(producer: Producer, spool: Path, text: bytes) -> None:
    """One bit in the operation that holds `text`, wherever SQLite has it on the disk, and nothing of it in memory."""
    delivery: Any = producer._delivery
    queue = delivery._running()[0]
    flipped = text[:-1] + bytes([text[-1] ^ 1])
    with queue._writing, queue._reading:  # nobody writes there meanwhile
        queue._file.writer.execute("PRAGMA shrink_memory")
        for path in (*spool.glob("*.spool"), *spool.glob("*.spool-wal")):
            path.write_bytes(path.read_bytes().replace(text, flipped))


def test_a_bit_that_flips_in_a_living_engine_s_spool_costs_that_operation_and_holds_up_no_other(
    shared_server: Server,
    gate: Proxy,
    client: redis.Redis,
    namespace: str,
    spool: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    count, broken = 20_000, 5002
    with opened(gate, shared_server.url, namespace, spool) as producer:
        receipts = [producer.cleanup_executed("s", f"r{number:08}", "delete", True) for number in range(1, count + 1)]
        flip(producer, spool, b"r%08d" % broken)
        with caplog.at_level(logging.WARNING, "producer"):
            gate.open()
            assert producer.flush(PATIENT)
        assert producer.cleanup_executed("s", "r", "delete", True).seq == count + 1
        assert producer.flush(PATIENT)
    sent = first_occurrences(client, namespace)
    assert sent == {receipts[0].by: [*range(1, broken), *range(broken + 1, count + 2)]}
    assert counted(shared_server.url, namespace) == {
        "duplicates": 0,
        "missing": 1,
        "quarantined": 0,
        "cleanups": count,
    }
    assert caplog.text.count("was damaged: it is kept as") == 1
    assert caplog.text.count("operations are forwarded again") <= 1
    assert files(spool) == ["damaged"]


def test_what_is_recorded_after_the_damage_was_found_does_not_overtake_what_was_recorded_before(
    shared_server: Server, gate: Proxy, client: redis.Redis, namespace: str, spool: Path
) -> None:
    with opened(gate, shared_server.url, namespace, spool) as producer:
        record(producer, 3)
        by = producer.cleanup_executed("s", "r00000004", "delete", True).by
        delivery: Any = producer._delivery
        queue = delivery._running()[0]
        damaged = queue.path
        flip(producer, spool, b"r00000004")
        eventually(lambda: queue.path != damaged, what="a new file")
        record(producer, 3)
        assert queue.waiting == 3
        gate.open()
        assert producer.flush(PATIENT, leftovers=False)  # a flush of its own operations waits for the old ones, too
        assert first_occurrences(client, namespace) == {by: [1, 2, 3, 5, 6, 7]}
    assert counted(shared_server.url, namespace)["duplicates"] == 0
    assert files(spool) == ["damaged"]


def test_what_was_dropped_while_the_spool_was_full_is_missing(
    shared_server: Server, gate: Proxy, namespace: str, spool: Path
) -> None:
    with opened(gate, shared_server.url, namespace, spool, bytes=2000, on_full="drop") as producer:
        record(producer, 100)
        (path,) = spool.glob("*.spool")
        gate.open()
        assert producer.flush(PATIENT)
        record(producer, 1)
        assert producer.flush(PATIENT)
        assert path.exists()
    found = counted(shared_server.url, namespace)
    assert found["missing"] > 50
    assert found["missing"] + found["cleanups"] == 101


def test_a_full_spool_raises_until_redis_is_back_and_costs_no_number(
    shared_server: Server, gate: Proxy, namespace: str, spool: Path
) -> None:
    with opened(gate, shared_server.url, namespace, spool, bytes=2000) as producer:
        last = fill_up(producer)
        with pytest.raises(SpoolFull), producer.execution("backup", source="manual"):
            raise AssertionError("the body ran")
        with producer.execution("backup", source="manual", on_unavailable="log"):
            pass  # an engine goes on
        gate.open()
        assert producer.flush(PATIENT)
        with producer.execution("backup", source="manual"):
            pass
        assert producer.cleanup_executed("s", "r", "delete", True).seq == last + 3
        assert producer.flush(PATIENT)
    found = counted(shared_server.url, namespace)
    assert (found["missing"], found["cleanups"]) == (0, last + 1)


def fill_up(producer: Producer) -> int:
    """The last number before it was full."""
    last = 0
    while True:
        try:
            last = producer.cleanup_executed("s", "r" * 100, "delete", True).seq
        except SpoolFull:
            return last
