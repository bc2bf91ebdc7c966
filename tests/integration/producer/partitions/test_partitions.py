"""Producers with partitions: each action in one log, in order; by each of the three ways."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from producer import InvalidOperation, Producer, SpoolDamaged, SpoolUnusable, WalUnavailable
from producer.partitions.naming import partition_number, partition_of
from tests.support.servers import Server, eventually, vacant_port

pytestmark = pytest.mark.server

PATIENT = 60.0
COUNT = 4
NAMES = [f"action-{number}" for number in range(12)]
WAYS = ["direct", "spool", "buffer"]

Entries = list[tuple[bytes, int, dict[str, Any]]]


def options_of(way: str, place: Path) -> dict[str, Any]:
    options: dict[str, dict[str, Any]] = {"direct": {}, "spool": {"spool": place}, "buffer": {"buffer": 1000}}
    return options[way]


def logs(client: redis.Redis, namespace: str, count: int = COUNT) -> dict[int, Entries]:
    """(by, seq, operation) of each entry of each partition that has a log."""
    found: dict[int, Entries] = {}
    for number in range(count):
        entries: Any = client.xrange(f"{{{partition_of(namespace, number)}}}:wal")
        if entries:
            found[number] = [(each[b"by"], int(each[b"seq"]), orjson.loads(each[b"op"])) for _, each in entries]
    return found


def name_in(operation: dict[str, Any]) -> str:
    name: str = operation.get("action_id") or operation["scanner_id"]
    return name


def expect_each_in_its_own(found: dict[int, Entries], count: int = COUNT) -> None:
    """Each operation is in the partition of its name, and the numbers of each partition have no gap."""
    assert found
    for number, entries in found.items():
        assert {partition_number(name_in(operation), count) for _, _, operation in entries} == {number}
        numbers: dict[bytes, list[int]] = defaultdict(list)
        for by, seq, _ in entries:
            numbers[by].append(seq)
        assert all(sorted(each) == list(range(1, len(each) + 1)) for each in numbers.values())


@pytest.mark.parametrize("way", WAYS)
def test_starts_and_ends_of_an_action_are_in_one_log_in_order(
    shared_server: Server, client: redis.Redis, namespace: str, way: str, tmp_path: Path
) -> None:
    with Producer(shared_server.url, namespace, partitions=COUNT, **options_of(way, tmp_path)) as producer:

        def runs(name: str) -> None:
            for number in range(20):
                with producer.execution(name, source="manual", execution_id=str(number)):
                    pass
                producer.cleanup_executed(name, "lock:x", "release", True)

        with ThreadPoolExecutor(len(NAMES)) as threads:
            list(threads.map(runs, NAMES))
        assert producer.flush(PATIENT)
        found = logs(client, namespace)
        assert not client.exists(f"{{{namespace}}}:wal")
    expect_each_in_its_own(found)
    assert len(found) == COUNT
    of_action: dict[str, list[str]] = defaultdict(list)
    for entries in found.values():
        for _, _, operation in entries:
            of_action[name_in(operation)].append(operation["type"])
    a_round = ["action_execution_started", "action_execution_completed", "cleanup_executed"]
    assert of_action == dict.fromkeys(NAMES, a_round * 20)
    assert client.get(f"{{{namespace}}}:partitions") == client.get(f"{{{namespace}}}:partitions:read") == b"4"


@pytest.mark.parametrize("way", WAYS)
def test_a_run_beats_in_its_own_partition(
    shared_server: Server, client: redis.Redis, namespace: str, way: str, tmp_path: Path
) -> None:
    partition = partition_of(namespace, partition_number("backup", COUNT))
    with Producer(
        shared_server.url, namespace, partitions=COUNT, labels={"host": "a"}, **options_of(way, tmp_path)
    ) as producer:
        with producer.execution("backup", source="manual") as run:
            assert producer.flush(PATIENT)
            assert run.started is not None
            assert client.exists(f"{{{partition}}}:heartbeat:{run.started.by}")
        assert run.completed is not None
        assert run.completed.by == run.started.by
        assert producer.unwatched is None
        assert producer.flush(PATIENT)
    eventually(lambda: not client.keys(f"{{{namespace}*:heartbeat:*"), what="a clean end")
    [(_, _, started), _] = logs(client, namespace)[partition_number("backup", COUNT)]
    assert (started["heartbeats"], started["labels"]) == (True, {"host": "a"})


def test_open_runs_of_all_partitions_are_abandoned_at_the_end(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    producer = Producer(shared_server.url, namespace, partitions=COUNT)
    for name in NAMES:
        producer.execution(name, source="manual").__enter__()
    producer.close()
    ends = [op for entries in logs(client, namespace).values() for *_, op in entries if "success" in op]
    assert sorted((end["action_id"], end["error"]) for end in ends) == [
        (name, "producer exited") for name in sorted(NAMES)
    ]


def test_coroutines_record_to_partitions(shared_server: Server, client: redis.Redis, namespace: str) -> None:
    async def runs(producer: Producer) -> None:
        async def one(name: str) -> None:
            async with producer.execution(name, source="manual"):
                await asyncio.sleep(0)

        await asyncio.gather(*map(one, NAMES))

    with Producer(shared_server.url, namespace, partitions=COUNT) as producer:
        asyncio.run(runs(producer))
    found = logs(client, namespace)
    expect_each_in_its_own(found)
    assert sum(map(len, found.values())) == 2 * len(NAMES)


@pytest.mark.parametrize("way", WAYS)
def test_a_forked_child_records_under_identities_of_its_own(
    shared_server: Server, client: redis.Redis, namespace: str, way: str, tmp_path: Path
) -> None:
    producer = Producer(shared_server.url, namespace, partitions=COUNT, **options_of(way, tmp_path))

    def record() -> bool:
        for name in NAMES:
            producer.cleanup_executed(name, "r", "delete", True)
        return producer.flush(PATIENT)

    assert record()
    child = os.fork()
    if not child:
        os._exit(0 if record() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert record()
    producer.close()
    found = logs(client, namespace)
    expect_each_in_its_own(found)
    assert sum(map(len, found.values())) == 3 * len(NAMES)
    assert all(len({by for by, _, _ in entries}) == 2 for entries in found.values())


def test_an_unacknowledged_operation_is_sent_again_to_its_own_partition(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    away = Producer(f"redis://localhost:{vacant_port()}", namespace, partitions=COUNT, timeout=0.1)
    with pytest.raises(WalUnavailable) as start:
        away.action_execution_started("backup", "manual", "command")
    with pytest.raises(WalUnavailable) as cleanup:
        away.cleanup_executed("stale-locks", "r", "delete", True)
    with Producer(shared_server.url, namespace, partitions=COUNT) as other:
        for error in (start.value, cleanup.value):
            receipt = other.resend(error)
            assert (receipt.by, receipt.seq) == (error.receipt.by, error.receipt.seq)
    found = logs(client, namespace)
    expect_each_in_its_own(found)
    assert sum(map(len, found.values())) == 2


def test_what_a_process_left_in_spools_of_several_partitions_the_next_delivers(
    shared_server: Server, client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    program = """
import os, signal, sys
from producer import Producer
producer = Producer(sys.argv[1], sys.argv[2], spool=sys.argv[3], partitions=4, timeout=0.1)
for number in range(12):
    producer.cleanup_executed(f"action-{number}", "r", "delete", True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    server = shared_server.url.replace("redis://", "redis://nobody:wrong@")  # it is refused, so that all waits
    arguments = [sys.executable, "-c", program, server, namespace, str(tmp_path)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("*.spool"))) == COUNT
    assert not logs(client, namespace)
    with Producer(shared_server.url, namespace, spool=tmp_path, partitions=COUNT) as producer:
        assert producer.flush(PATIENT)
        found = logs(client, namespace)
    expect_each_in_its_own(found)
    assert sum(map(len, found.values())) == 12
    assert not list(tmp_path.glob("*.spool"))


@pytest.mark.parametrize("way", ["spool", "buffer"])
def test_one_timeout_is_for_all_partitions_together(way: str, tmp_path: Path) -> None:
    url = f"redis://localhost:{vacant_port()}"
    producer = Producer(url, partitions=COUNT, timeout=0.2, **options_of(way, tmp_path))
    for name in NAMES:
        producer.cleanup_executed(name, "r", "delete", True)
    began = time.monotonic()
    assert not producer.flush(2)
    assert time.monotonic() - began < 2 * COUNT
    eventually(lambda: producer.trouble, what="trouble")
    began = time.monotonic()
    producer.close(2)
    assert time.monotonic() - began < 2 * COUNT


def test_a_partition_is_opened_by_its_first_operation(shared_server: Server, namespace: str, tmp_path: Path) -> None:
    with Producer(shared_server.url, namespace, spool=tmp_path, partitions=1000) as producer:
        assert len(list(tmp_path.glob("*.spool"))) == 1
        producer.cleanup_executed("a", "r", "delete", True)
        assert len(list(tmp_path.glob("*.spool"))) == 2
        assert repr(producer).startswith(f"<Producer of namespace {namespace} at ")
        assert "in 1000 partitions, by the spool" in repr(producer)


def test_a_closed_producer_refuses_operations_of_partitions_that_it_never_opened(
    shared_server: Server, namespace: str, tmp_path: Path
) -> None:
    producer = Producer(shared_server.url, namespace, spool=tmp_path, partitions=COUNT)
    producer.close()
    for name in NAMES:
        with pytest.raises(SpoolUnusable, match="was closed"):
            producer.cleanup_executed(name, "r", "delete", True)
    assert not list(tmp_path.glob("*.spool"))


def test_bad_options_and_a_useless_directory_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="both a spool and a buffer"):
        Producer("redis://localhost:1", partitions=2, spool=tmp_path, buffer=3)
    with pytest.raises(ValueError, match="buffer: expected a number"):
        Producer("redis://localhost:1", partitions=2, buffer=0)
    (tmp_path / "file").touch()
    with pytest.raises(SpoolUnusable):
        Producer("redis://localhost:1", partitions=2, spool=tmp_path / "file")


def test_what_is_no_operation_is_refused_and_uses_no_number(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    with Producer(shared_server.url, namespace, partitions=COUNT) as producer:
        for name in (7, None, "", "x" * 257):
            with pytest.raises(InvalidOperation):
                producer.cleanup_executed(name, "r", "delete", True)  # type: ignore[arg-type]
            with pytest.raises(InvalidOperation), producer.execution(name, source="manual"):  # type: ignore[arg-type]
                pass
        with producer.execution("lone \ud800 surrogate", source="manual"):
            pass
    found = logs(client, namespace)
    expect_each_in_its_own(found)
    assert [operation["type"] for entries in found.values() for *_, operation in entries] == [
        "action_execution_started",
        "action_execution_completed",
    ]


def test_a_spool_that_is_damaged_is_saved_by_its_own_partition(
    own_server: Server, namespace: str, tmp_path: Path
) -> None:
    os.kill(own_server.pid, signal.SIGSTOP)
    producer = Producer(own_server.url, namespace, spool=tmp_path, partitions=COUNT, timeout=0.3)
    name = next(name for name in NAMES if partition_number(name, COUNT) == 3)
    for _ in range(3):
        producer.cleanup_executed(name, "r", "delete", True)
    partition: Any = producer._log.of(name)
    spool, _ = partition.delivery._running()

    class Broken:
        def execute(self, *_: object) -> None:
            raise sqlite3.DatabaseError("database disk image is malformed")

    damaged = spool.path
    spool._file.inserting = Broken()
    with pytest.raises(SpoolDamaged):
        producer.cleanup_executed(name, "r", "delete", True)
    eventually(lambda: spool.path != damaged, what="a new file")
    for _ in range(3):
        producer.cleanup_executed(name, "r", "delete", True)
    os.kill(own_server.pid, signal.SIGCONT)
    assert producer.flush(PATIENT)
    producer.close()
    with own_server.client() as client:
        found = logs(client, namespace)
    assert [seq for _, seq, _ in found[3]] == [1, 2, 3, 4, 5, 6]
