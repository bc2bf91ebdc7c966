"""Levels of durability on real servers: the disk, a replica that keeps up, one that does not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from producer import NotYetDurable, Producer, UnusableServer
from tests.servers import Server, eventually
from tests.spooling import counted, first_occurrences

pytestmark = pytest.mark.server

PATIENT = 60.0


@pytest.fixture
def replica(own_server: Server, tmp_path: Path) -> Iterator[Server]:
    """A replica of `own_server`, in step with it."""
    with own_server.client() as admin:
        admin.config_set("repl-diskless-sync-delay", "0")
        server = Server(tmp_path / "replica", "--replicaof", f"127.0.0.1 {own_server.port}").start()
        try:
            eventually(lambda: "online" in str(admin.info("replication")), what="the replica")
            yield server
        finally:
            server.kill()


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def has_waitaof(server: Server) -> bool:
    with server.client() as admin:
        try:
            admin.execute_command("WAITAOF", 0, 0, 1)
        except redis.ResponseError:
            return False
        return True


def clean_up(producer: Producer) -> Any:
    return producer.cleanup_executed("s", "r", "delete", True)


# -- directly --


def test_an_operation_is_with_its_replica_when_the_call_returns(
    own_server: Server, replica: Server, namespace: str
) -> None:
    with Producer(own_server.url, namespace, replicas=1) as producer, replica.client() as there:
        for count in range(1, 21):
            clean_up(producer)
            assert there.xlen(f"{{{namespace}}}:wal") == count


def test_one_that_no_replica_has_in_time_is_in_the_log_all_the_same_and_can_be_sent_again(
    own_server: Server, replica: Server, namespace: str
) -> None:
    with Producer(own_server.url, namespace, replicas=1, durability_timeout=0.2) as producer:
        expected = r"is in the log, .*received by 0 of 1 replicas within 0\.2 s"
        with frozen(replica), pytest.raises(NotYetDurable, match=expected) as shortfall:
            clean_up(producer)
        receipt = shortfall.value.receipt
        assert receipt.seq == 1
        with own_server.client() as client:
            entries: Any = client.xrange(f"{{{namespace}}}:wal")
        assert [entry_id.decode() for entry_id, _ in entries] == [receipt.entry_id]
    with Producer(own_server.url, namespace, replicas=1, durability_timeout=PATIENT) as patient:
        assert patient.resend(shortfall.value).seq == 1
    assert counted(own_server.url, namespace) == {"duplicates": 1, "missing": 0, "quarantined": 0, "cleanups": 1}


def test_a_run_whose_start_is_not_safe_enough_does_not_take_place_and_does_not_stay_open(
    own_server: Server, namespace: str
) -> None:
    with Producer(own_server.url, namespace, replicas=1, durability_timeout=0.05) as producer:
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


def test_an_operation_is_on_the_disk_when_the_call_returns(own_server: Server, namespace: str) -> None:
    """What the server's process wrote survives its end anyway: here, it counts what it has synced."""
    producer = Producer(own_server.url, namespace, fsync=True)
    if not has_waitaof(own_server):
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
        assert type(trouble(Producer(own_server.url, namespace, fsync=True, durability_timeout=0.2))) is NotYetDurable


def trouble(producer: Producer) -> BaseException:
    with producer, pytest.raises(NotYetDurable, match="not synced to the server's disk") as found:
        clean_up(producer)
    return found.value


def test_a_server_without_an_aof_is_named_before_anything_is_written(own_server: Server, namespace: str) -> None:
    with own_server.client() as admin:
        admin.config_set("appendonly", "no")
        with Producer(own_server.url, namespace, fsync=True) as producer:
            expected = "its AOF is off" if has_waitaof(own_server) else "it has no WAITAOF"
            with pytest.raises(UnusableServer, match=expected):
                clean_up(producer)
            assert not admin.exists(f"{{{namespace}}}:wal")
            if has_waitaof(own_server):
                admin.config_set("appendonly", "yes")
                assert clean_up(producer).seq == 1


# -- by a spool or a buffer --


@pytest.mark.parametrize("way", ["spool", "buffer"])
def test_what_waits_leaves_when_it_is_safe_enough_and_not_before(
    own_server: Server, replica: Server, namespace: str, tmp_path: Path, way: str
) -> None:
    options: dict[str, Any] = {"spool": tmp_path / "spool"} if way == "spool" else {"buffer": 1000}
    with Producer(own_server.url, namespace, replicas=1, durability_timeout=0.2, **options) as producer:
        receipts = [clean_up(producer) for _ in range(10)]
        assert producer.flush(PATIENT)
        with frozen(replica):
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
    with frozen(replica):
        producer = Producer(own_server.url, namespace, replicas=1, durability_timeout=0.2, spool=spool)
        clean_up(producer)
        assert not producer.flush(0.5)
        producer.close(timeout=0)
    with Producer(own_server.url, namespace, replicas=1, spool=spool) as heir:
        assert heir.flush(PATIENT)
    assert counted(own_server.url, namespace) == {"duplicates": 1, "missing": 0, "quarantined": 0, "cleanups": 1}


def test_a_server_that_cannot_sync_keeps_everything_waiting_and_is_named(
    own_server: Server, namespace: str, tmp_path: Path
) -> None:
    with own_server.client() as admin:
        admin.config_set("appendonly", "no")
        with Producer(own_server.url, namespace, fsync=True, spool=tmp_path / "spool") as producer:
            clean_up(producer)
            assert not producer.flush(0.3)
            assert "fsync=True cannot be had of" in (producer.trouble or "")
            assert not admin.exists(f"{{{namespace}}}:wal")
            producer.close(timeout=0)
