"""Levels of durability on real servers: the disk, a replica that keeps up, one that does not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from producer import Durability, NotYetDurable, Producer, UnusableServer
from tests.support.commands import PRODUCER, environment, run_command
from tests.support.servers import Server, eventually
from tests.support.spooling import counted, cut_off, files, first_occurrences

pytestmark = pytest.mark.server

PATIENT = 60.0


@pytest.fixture
def replica(own_server: Server, tmp_path: Path) -> Iterator[Server]:
    """A replica of `own_server`, in step with it."""
    yield from replicas_of(own_server, tmp_path)


def replicas_of(own_server: Server, tmp_path: Path) -> Iterator[Server]:
    with own_server.client() as admin:
        admin.config_set("repl-diskless-sync-delay", "0")
        server = Server(tmp_path / "replica", "--replicaof", f"127.0.0.1 {own_server.port}").start()
        try:
            eventually(lambda: "online" in str(admin.info("replication")), what="the replica")
            yield server
        finally:
            server.kill()


def clean_up(producer: Producer) -> Any:
    return producer.cleanup_executed("s", "r", "delete", True)


# -- directly --


def test_an_operation_is_with_its_replica_when_the_call_returns(
    own_server: Server, replica: Server, namespace: str
) -> None:
    durability = Durability(replicas=1)
    with Producer(own_server.url, namespace, durability=durability) as producer, replica.client() as there:
        for count in range(1, 21):
            clean_up(producer)
            assert there.xlen(f"{{{namespace}}}:wal") == count


def test_one_that_no_replica_has_in_time_is_in_the_log_all_the_same_and_can_be_sent_again(
    own_server: Server, replica: Server, namespace: str
) -> None:
    with Producer(own_server.url, namespace, durability=Durability(replicas=1, timeout=0.2)) as producer:
        expected = r"is in the log, .*received by 0 of 1 replicas within 0\.2 s"
        with replica.frozen(), pytest.raises(NotYetDurable, match=expected) as shortfall:
            clean_up(producer)
        receipt = shortfall.value.receipt
        assert receipt.seq == 1
        with own_server.client() as client:
            entries: Any = client.xrange(f"{{{namespace}}}:wal")
        assert [entry_id.decode() for entry_id, _ in entries] == [receipt.entry_id]
    with Producer(own_server.url, namespace, durability=Durability(replicas=1, timeout=PATIENT)) as patient:
        assert patient.resend(shortfall.value).seq == 1
    assert counted(own_server.url, namespace) == {"duplicates": 1, "missing": 0, "quarantined": 0, "cleanups": 1}


def test_a_run_whose_start_is_not_safe_enough_does_not_take_place_and_does_not_stay_open(
    own_server: Server, namespace: str
) -> None:
    with Producer(own_server.url, namespace, durability=Durability(replicas=1, timeout=0.05)) as producer:
        with pytest.raises(NotYetDurable), producer.execution("backup", source="manual"):
            raise AssertionError("the body ran")
        with producer.execution("backup", source="manual", on_unavailable="log") as run:
            pass
    counted(own_server.url, namespace)
    with own_server.client() as client:
        assert client.hlen(f"{{{namespace}}}:in_flight") == 0
        totals: Any = client.hgetall(f"{{{namespace}}}:totals")
    assert (totals[b"total_executions"], totals[b"failures"]) == (b"2", b"1")
    assert run.execution_id


def test_a_server_that_dies_while_its_replica_is_waited_for_leaves_no_doubt_that_the_operation_landed(
    own_server: Server, replica: Server, namespace: str
) -> None:
    durability = Durability(replicas=1, timeout=PATIENT)
    with (
        own_server.client() as admin,
        Producer(own_server.url, namespace, timeout=0.3, durability=durability) as producer,
        ThreadPoolExecutor() as pool,
        replica.frozen(),
    ):
        call = pool.submit(clean_up, producer)
        eventually(lambda: admin.xlen(f"{{{namespace}}}:wal"), what="the entry to be written")
        own_server.kill()
        error = call.exception()
    assert isinstance(error, NotYetDurable)
    assert error.receipt.entry_id is not None
    own_server.start()


def test_an_operation_is_on_the_disk_when_the_call_returns(own_server: Server, namespace: str) -> None:
    """What the server's process wrote survives its end anyway: here, it counts what it has synced."""
    producer = Producer(own_server.url, namespace, durability=Durability(fsync=True))
    if not own_server.has_waitaof():
        with pytest.raises(UnusableServer, match=r"it has no WAITAOF, which came with Redis 7\.2"):
            clean_up(producer)
        with own_server.client() as client:
            assert not client.exists(f"{{{namespace}}}:wal")  # nothing was written, and no number used up
        producer.close()
        return
    with producer, own_server.client() as admin:
        admin.config_set("appendfsync", "always")
        assert clean_up(producer).seq == 1
        admin.config_set("appendfsync", "no")
        hasty = Durability(fsync=True, timeout=0.2)
        assert type(trouble(Producer(own_server.url, namespace, durability=hasty))) is NotYetDurable


def trouble(producer: Producer) -> BaseException:
    with producer, pytest.raises(NotYetDurable, match="not synced to the server's disk") as found:
        clean_up(producer)
    return found.value


def test_a_server_without_an_aof_is_named_before_anything_is_written(own_server: Server, namespace: str) -> None:
    with own_server.client() as admin:
        admin.config_set("appendonly", "no")
        with Producer(own_server.url, namespace, durability=Durability(fsync=True)) as producer:
            expected = "its AOF is off" if own_server.has_waitaof() else "it has no WAITAOF"
            with pytest.raises(UnusableServer, match=expected):
                clean_up(producer)
            assert not admin.exists(f"{{{namespace}}}:wal")
            if own_server.has_waitaof():
                admin.config_set("appendonly", "yes")
                assert clean_up(producer).seq == 1


# -- by a spool or a buffer --


@pytest.mark.parametrize("way", ["spool", "buffer"])
def test_what_waits_leaves_when_it_is_safe_enough_and_not_before(
    own_server: Server, replica: Server, namespace: str, tmp_path: Path, way: str
) -> None:
    options: dict[str, Any] = {"spool": tmp_path / "spool"} if way == "spool" else {"buffer": 1000}
    with Producer(own_server.url, namespace, durability=Durability(replicas=1, timeout=0.2), **options) as producer:
        receipts = [clean_up(producer) for _ in range(10)]
        assert producer.flush(PATIENT)
        with replica.frozen():
            receipts += [clean_up(producer) for _ in range(10)]
            assert not producer.flush(1.0)
            assert "received by 0 of 1 replicas" in (producer.trouble or "")
            with own_server.client() as client:
                assert client.xlen(f"{{{namespace}}}:wal") == 20  # there, but not safe
        assert producer.flush(PATIENT)
        assert producer.trouble is None
    with own_server.client() as client:
        assert first_occurrences(client, namespace) == {receipts[0].by: list(range(1, 21))}
        assert client.xlen(f"{{{namespace}}}:wal") == 20  # waited for, not sent again


def test_what_was_not_safe_when_its_producer_was_killed_is_sent_again_by_the_next(
    own_server: Server, replica: Server, namespace: str, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    with replica.frozen():
        producer = Producer(own_server.url, namespace, durability=Durability(replicas=1, timeout=0.2), spool=spool)
        clean_up(producer)
        assert not producer.flush(0.5)
        producer.close(timeout=0)
    with Producer(own_server.url, namespace, durability=Durability(replicas=1), spool=spool) as heir:
        assert heir.flush(PATIENT)
    assert counted(own_server.url, namespace) == {"duplicates": 1, "missing": 0, "quarantined": 0, "cleanups": 1}


def test_a_server_that_cannot_sync_is_named_by_flush_and_what_is_in_the_spool_waits(
    own_server: Server, namespace: str, tmp_path: Path
) -> None:
    with own_server.client() as admin:
        admin.config_set("appendonly", "no")
        with Producer(
            own_server.url, namespace, durability=Durability(fsync=True), spool=tmp_path / "spool"
        ) as producer:
            for seq in (1, 2):
                assert clean_up(producer).seq == seq  # an engine does not stop because of its server
                with pytest.raises(UnusableServer, match="fsync=True cannot be had of"):
                    producer.flush(PATIENT)
            assert "fsync=True cannot be had of" in (producer.trouble or "")
            assert not admin.exists(f"{{{namespace}}}:wal")
            if own_server.has_waitaof():
                admin.config_set("appendonly", "yes")
                eventually(lambda: producer.trouble is None, what="the server to be tried again")
                assert producer.flush(PATIENT)
            else:
                producer.close(timeout=0)


def test_a_buffer_takes_nothing_more_in_for_a_server_that_cannot_sync(own_server: Server, namespace: str) -> None:
    """What it has taken in would be lost with the process."""
    with own_server.client() as admin:
        admin.config_set("appendonly", "no")
        with Producer(own_server.url, namespace, durability=Durability(fsync=True), buffer=10) as producer:
            clean_up(producer)
            with pytest.raises(UnusableServer, match="fsync=True cannot be had of"):
                producer.flush(PATIENT)
            with pytest.raises(UnusableServer, match="fsync=True cannot be had of"):
                clean_up(producer)
            if own_server.has_waitaof():
                admin.config_set("appendonly", "yes")
                eventually(lambda: producer.trouble is None, what="the server to be tried again")
                assert clean_up(producer).seq == 2
            producer.close(timeout=0)


# -- by an heir that asks for less --


def left_unsafe(server: Server, namespace: str, spool: Path, count: int = 3) -> None:
    """Operations of a dead producer that are in the log, but with no replica."""
    producer = Producer(server.url, namespace, durability=Durability(replicas=1, timeout=0.1), spool=spool)
    for _ in range(count):
        clean_up(producer)
    assert not producer.flush(0.5)
    producer.close(timeout=0)


def test_what_was_recorded_for_a_replica_is_not_let_go_by_an_heir_that_asks_for_none(
    own_server: Server, namespace: str, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    left_unsafe(own_server, namespace, spool)
    with Producer(own_server.url, namespace, durability=Durability(timeout=0.2), spool=spool) as heir:
        assert not heir.flush(1.0)
        clean_up(heir)
        assert heir.flush(PATIENT, leftovers=False)  # its own does not wait for that
        assert heir.trouble is None
        assert not heir.flush(1.0)
    assert files(spool) == ["lock", "spool"]
    assert counted(own_server.url, namespace)["missing"] == 0
    for replica in replicas_of(own_server, tmp_path):
        with Producer(own_server.url, namespace, durability=Durability(timeout=PATIENT), spool=spool) as heir:
            assert heir.flush(PATIENT)
        with own_server.client() as client, replica.client() as there:
            assert there.xlen(f"{{{namespace}}}:wal") == client.xlen(f"{{{namespace}}}:wal")
    assert files(spool) == []
    found = counted(own_server.url, namespace)
    assert (found["missing"], found["cleanups"]) == (0, 4)


def test_flush_does_not_let_go_what_was_recorded_for_a_replica_and_says_why(
    own_server: Server, namespace: str, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    left_unsafe(own_server, namespace, spool, 1)
    done = flush(own_server, spool, "--timeout", "3")
    assert (done.returncode, done.stdout) == (os.EX_TEMPFAIL, "nothing was delivered\n")
    assert "producer: 1 operation still waits: " in done.stderr
    assert "received by 0 of 1 replicas within 2 s" in done.stderr
    assert files(spool) == ["lock", "spool"]
    for _ in replicas_of(own_server, tmp_path):
        assert flush(own_server, spool, "--timeout", str(PATIENT)).stdout == "1 operation delivered\n"
    assert files(spool) == []


def flush(server: Server, spool: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [PRODUCER, "flush", "--url", server.url, "--spool", str(spool)]
    return run_command([*command, *options], env=environment(), text=True)


def test_what_was_recorded_for_the_disk_waits_for_a_server_that_can(
    own_server: Server, namespace: str, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    with cut_off(own_server.url, namespace, spool, durability=Durability(fsync=True)) as dead:
        clean_up(dead)
    with own_server.client() as admin:
        admin.config_set("appendonly", "no")
        with Producer(own_server.url, namespace, spool=spool) as heir:
            assert not heir.flush(1.0)
        assert not admin.exists(f"{{{namespace}}}:wal")
        if own_server.has_waitaof():
            admin.config_set("appendonly", "yes")
            with Producer(own_server.url, namespace, durability=Durability(timeout=PATIENT), spool=spool) as heir:
                assert heir.flush(PATIENT)
            assert admin.xlen(f"{{{namespace}}}:wal") == 1
