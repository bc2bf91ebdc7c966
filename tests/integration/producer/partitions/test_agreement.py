"""The number of partitions: written down at the first use, and another one is refused."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from producer import Producer, UnusableServer, WalRefused, WalUnavailable
from producer.partitions.naming import partitions_key, read_partitions_key
from producer.wal import wal_key
from tests.support.servers import Server, eventually, vacant_port

pytestmark = pytest.mark.server

PATIENT = 60.0


def cleanup(producer: Producer, name: str = "a") -> Any:
    return producer.cleanup_executed(name, "r", "delete", True)


def logs_of(client: redis.Redis, namespace: str) -> list[bytes]:
    keys: Any = client.keys(f"{{{namespace}*")
    return [key for key in keys if key.endswith(b":wal")]


def test_another_number_is_refused_before_anything_is_sent(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    client.set(partitions_key(namespace), 16)
    with Producer(shared_server.url, namespace, partitions=32) as producer:
        for _ in range(2):
            with pytest.raises(UnusableServer) as raised:
                cleanup(producer)
        with pytest.raises(UnusableServer), producer.execution("a", source="manual"):
            pytest.fail("the body ran")
        assert client.keys(f"{{{namespace}*") == [partitions_key(namespace).encode()]
        place = f"localhost:{shared_server.port}"
        assert str(raised.value).replace("127.0.0.1", "localhost") == (
            f"partitions: expected 32 of namespace {namespace}, found 16 in {{{namespace}}}:partitions at {place}; "
            "give the producer the number that is there, or end all producers of the namespace and run: "
            f"projector repartition 32 --namespace {namespace}"
        )
        client.set(partitions_key(namespace), 32)
        assert cleanup(producer).seq == 1


def test_a_log_without_partitions_would_go_on_beside_them(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    with Producer(shared_server.url, namespace) as plain:
        cleanup(plain)
    with (
        Producer(shared_server.url, namespace, partitions=16) as producer,
        pytest.raises(UnusableServer, match=r"found 1 entry without partitions in .*:wal at .*repartition 16 "),
    ):
        cleanup(producer)
    assert logs_of(client, namespace) == [wal_key(namespace).encode()]
    assert not client.exists(partitions_key(namespace))


def test_the_empty_log_that_a_projector_makes_is_none(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    client.xgroup_create(wal_key(namespace), "projector", "0", mkstream=True)
    with Producer(shared_server.url, namespace, partitions=16) as producer:
        assert cleanup(producer).seq == 1


def test_the_most_partitions_that_there_were_stay_written_down(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    client.set(read_partitions_key(namespace), 32)
    with Producer(shared_server.url, namespace, partitions=16) as producer:
        cleanup(producer)
    assert client.mget(partitions_key(namespace), read_partitions_key(namespace)) == [b"16", b"32"]


def test_a_buffers_calls_say_it_once_the_thread_found_it_out(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    client.set(partitions_key(namespace), 16)
    producer = Producer(shared_server.url, namespace, partitions=32, buffer=1000)
    cleanup(producer)
    with pytest.raises(UnusableServer, match="repartition 32"):
        producer.flush(PATIENT)
    with pytest.raises(UnusableServer, match="repartition 32"):
        cleanup(producer)
    assert "repartition 32" in (producer.trouble or "")
    producer.close(0)
    assert not logs_of(client, namespace)


def test_a_spool_goes_on_taking_operations_until_it_is_agreed(
    shared_server: Server, client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    client.set(partitions_key(namespace), 16)
    with Producer(shared_server.url, namespace, partitions=32, spool=tmp_path) as producer:
        cleanup(producer)
        with pytest.raises(UnusableServer, match="repartition 32"):
            producer.flush(PATIENT)
        assert cleanup(producer).seq == 2
        assert "repartition 32" in (producer.trouble or "")
        assert not logs_of(client, namespace)
        client.set(partitions_key(namespace), 32)
        assert producer.flush(PATIENT)
        assert len(logs_of(client, namespace)) == 1
        eventually(lambda: producer.trouble is None, what="no trouble")


def test_a_heir_with_another_number_does_not_deliver(
    shared_server: Server, client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    client.set(partitions_key(namespace), 16)
    for _ in range(2):
        with Producer(shared_server.url, namespace, partitions=32, spool=tmp_path) as producer:
            cleanup(producer)
    assert not logs_of(client, namespace)
    client.set(partitions_key(namespace), 32)
    with Producer(shared_server.url, namespace, partitions=32, spool=tmp_path) as producer:
        assert producer.flush(PATIENT)
    [log] = logs_of(client, namespace)
    assert client.xlen(log) == 2


def test_the_server_is_away_at_the_first_use(namespace: str) -> None:
    producer = Producer(f"redis://localhost:{vacant_port()}", namespace, partitions=16, timeout=0.2)
    with pytest.raises(WalUnavailable) as raised:
        cleanup(producer)
    assert raised.value.receipt.seq == 1


def test_an_account_that_may_not_read_the_number_is_refused(own_server: Server, namespace: str) -> None:
    with own_server.client() as administrator:
        administrator.execute_command(
            "ACL", "SETUSER", "least", "reset", "on", ">word", f"~{{{namespace}*", "+xadd", "+set", "+@connection"
        )
    url = own_server.url.replace("redis://", "redis://least:word@")
    with (
        Producer(url, namespace, partitions=16, timeout=0.3) as producer,
        pytest.raises(WalRefused, match="permission"),
    ):
        cleanup(producer)


def test_these_rights_are_enough(own_server: Server, namespace: str, tmp_path: Path) -> None:
    numbers = f"(%RW~{partitions_key(namespace)} %RW~{read_partitions_key(namespace)} +get +setnx)"
    with own_server.client() as administrator:
        administrator.execute_command(
            *("ACL", "SETUSER", "least", "reset", "on", ">word", "+@connection", "-@dangerous", "+cluster|slots"),
            *(f"%W~{{{namespace}}}:wal", f"%W~{{{namespace}.*}}:wal", "+xadd", "+multi", "+exec", "+xlen", numbers),
            f"(%W~{{{namespace}.*}}:heartbeat:* +set)",
        )
    url = own_server.url.replace("redis://", "redis://least:word@")
    ways: list[dict[str, Any]] = [{}, {"spool": tmp_path}, {"buffer": 10}]
    for way in ways:
        with Producer(url, namespace, partitions=16, **way) as producer:
            with producer.execution("a", source="manual"):
                pass
            assert producer.flush(PATIENT)
            assert producer.unwatched is None
    with own_server.client() as administrator:
        assert administrator.get(partitions_key(namespace)) == b"16"


def _first_use(url: str, namespace: str, count: int, go: Callable[[], object]) -> bool:
    with Producer(url, namespace, partitions=count) as producer:
        go()
        try:
            cleanup(producer)
        except UnusableServer:
            return False
    return True


def _race(url: str, namespace: str, count: int, barrier: Any, won: Any) -> None:
    won.put((count, _first_use(url, namespace, count, barrier.wait)))


def test_of_several_first_uses_at_once_one_number_wins(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    context = multiprocessing.get_context("fork")
    barrier, won = context.Barrier(4), context.Queue()
    counts = (8, 16, 24, 32)
    racers = [
        context.Process(target=_race, args=(shared_server.url, namespace, count, barrier, won)) for count in counts
    ]
    for racer in racers:
        racer.start()
    outcomes = [won.get(timeout=PATIENT) for _ in racers]
    for racer in racers:
        racer.join(PATIENT)
    [winner] = [count for count, has_won in outcomes if has_won]
    assert client.mget(partitions_key(namespace), read_partitions_key(namespace)) == [b"%d" % winner] * 2
    assert len(logs_of(client, namespace)) == 1


def test_a_server_that_hangs_at_the_first_use_is_asked_again_by_the_next_call(
    own_server: Server, namespace: str
) -> None:
    with own_server.frozen():
        producer = Producer(own_server.url, namespace, partitions=16, timeout=0.3)
        with pytest.raises(WalUnavailable):
            cleanup(producer)
    assert cleanup(producer).seq == 2
    producer.close()
