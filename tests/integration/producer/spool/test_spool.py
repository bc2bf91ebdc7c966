"""Producers with a spool on real servers: away, back, killed, many on one directory, and connections that break."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.cluster import RedisCluster

from producer import Producer, Spool
from producer.connection.client import DEFAULT_SECONDS
from producer.connection.destination import Destination
from tests.support.cluster import running_node
from tests.support.proxy import Fault, Proxy
from tests.support.recording import PATIENT, forking_server, in_a_fork, record, work
from tests.support.servers import Server, eventually
from tests.support.spooling import AWAY, counted, cut_off, engine, files, first_occurrences, resources

pytestmark = pytest.mark.server


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


# -- there --


def test_what_was_recorded_arrives_in_order_and_leaves_nothing_behind(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path
) -> None:
    with Producer(shared_server.url, namespace, spool=spool) as producer:
        receipt = producer.cleanup_executed("s", "r", "delete", True)
        assert (receipt.seq, receipt.entry_id) == (1, None)
        assert producer.flush(PATIENT)
        assert client.xlen(f"{{{namespace}}}:wal") == 1
        record(producer, 999)
    assert first_occurrences(client, namespace) == {receipt.by: list(range(1, 1001))}
    assert counted(shared_server.url, namespace) == {
        "duplicates": 0,
        "missing": 0,
        "quarantined": 0,
        "cleanups": 1000,
    }
    assert files(spool) == []


def test_the_entry_is_the_one_that_the_direct_way_writes(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path
) -> None:
    with (
        Producer(shared_server.url, namespace, spool=spool) as spooled,
        Producer(shared_server.url, f"{namespace}d") as direct,
    ):
        for producer in (spooled, direct):
            producer.action_execution_completed(
                "ä",
                False,
                error='a "b"\n\x00 c',
                output="x " * 5,
                duration_ms=1,
                exit_code=-9,
                labels={"cwd": "/ö\n"},
                at=1_700_000_000_000,
            )
            producer.action_execution_started(
                "ä", "s", "task", command="c 'd'", attempt=2, labels={"host": "h"}, at=1_700_000_000_000
            )
        assert spooled.flush(PATIENT)
    found: Any = [client.xrange(f"{{{name}}}:wal") for name in (namespace, f"{namespace}d")]
    for (_, ours), (_, theirs) in zip(*found, strict=True):
        assert list(ours) == list(theirs)
        assert (ours[b"op"], ours[b"seq"], ours[b"acked"]) == (theirs[b"op"], theirs[b"seq"], theirs[b"acked"])


# -- away, and back --


def test_a_call_does_not_wait_for_a_server_that_is_away(namespace: str, spool: Path) -> None:
    producer = Producer(AWAY, namespace, spool=spool)
    began = time.monotonic()
    record(producer, 100)
    assert time.monotonic() - began < DEFAULT_SECONDS  # which a call that waited would take
    assert not producer.flush(0.2)
    assert "refused" in (producer.trouble or "")
    producer.close(timeout=0)
    assert files(spool) == ["lock", "spool"]


def test_a_server_that_comes_back_gets_all_of_it_once_and_in_order(
    own_server: Server, namespace: str, spool: Path
) -> None:
    with Producer(own_server.url, namespace, spool=spool) as producer:
        by = record(producer, 100)
        own_server.kill()
        record(producer, 500)
        own_server.start()
        record(producer, 100)
        assert producer.flush(PATIENT)
    with own_server.client() as client:
        assert first_occurrences(client, namespace) == {by: list(range(1, 701))}
    found = counted(own_server.url, namespace)
    assert (found["missing"], found["cleanups"]) == (0, 700)


def test_a_frozen_server_holds_up_no_call(own_server: Server, namespace: str, spool: Path) -> None:
    with Producer(own_server.url, namespace, spool=spool, timeout=5) as producer:
        record(producer, 10)
        assert producer.flush(PATIENT)
        with own_server.frozen():
            began = time.monotonic()
            record(producer, 10)
            assert time.monotonic() - began < 5
            assert not producer.flush(0.2)
        assert producer.flush(PATIENT)
    found = counted(own_server.url, namespace)
    assert (found["missing"], found["cleanups"]) == (0, 20)


def test_a_producer_is_closed_soon_when_the_server_is_away(namespace: str, spool: Path) -> None:
    producer = Producer(AWAY, namespace, spool=spool)
    record(producer, 10)
    began = time.monotonic()
    producer.close(timeout=60)
    assert time.monotonic() - began < 30
    assert files(spool) == ["lock", "spool"]


def test_a_cluster_s_client_will_do_for_each_log_that_is_owed_something(
    tmp_path: Path, namespace: str, spool: Path
) -> None:
    for server in running_node(tmp_path / "server"):
        with RedisCluster("127.0.0.1", server.port) as given:
            destination = Destination.of(given)
        with Producer(AWAY, f"{namespace}-other", spool=Spool(spool, destination=destination)) as dead:
            record(dead, 5)
        with RedisCluster("127.0.0.1", server.port) as given, Producer(given, namespace, spool=spool) as heir:
            record(heir, 500)
            assert heir.flush(PATIENT)
        with server.client() as admin:
            assert list(first_occurrences(admin, namespace).values()) == [list(range(1, 501))]
            assert list(first_occurrences(admin, f"{namespace}-other").values()) == [[1, 2, 3, 4, 5]]


# -- dead producers --


COUNT = 20_000
"""Of operations: hundreds of batches, and a file of megabytes."""


def test_redis_away_for_the_whole_life_of_one_process_that_is_killed_and_part_of_the_next(
    own_server: Server, namespace: str, spool: Path
) -> None:
    """Each operation whose call returned is in the log once, in its producer's order."""
    own_server.stop()
    with engine(own_server.url, namespace, spool, "first", COUNT) as first:
        first.wait_for(COUNT // 2)
        first.kill()
    with engine(own_server.url, namespace, spool, "second", COUNT // 2) as second:
        second.wait_for(COUNT // 4)
        own_server.start()
        second.wait_for(COUNT // 2)
        with own_server.client() as client:
            log = f"{{{namespace}}}:wal"
            eventually(lambda: client.xlen(log) >= first.returned + COUNT // 2, seconds=300, what="both to arrive")
        second.finish()
    with own_server.client() as client:
        recorded = resources(client, namespace)
    assert recorded.pop(second.by) == [str(number) for number in range(COUNT // 2)]
    written = recorded.pop(first.by)
    assert written == [str(number) for number in range(len(written))]
    assert first.returned <= len(written) <= COUNT  # the call that was killed may have been recorded
    assert recorded == {}
    found = counted(own_server.url, namespace)
    assert (found["missing"], found["quarantined"], found["cleanups"]) == (0, 0, len(written) + COUNT // 2)
    assert files(spool) == []


def test_a_producer_killed_in_the_middle_loses_no_operation_whose_call_returned(
    own_server: Server, namespace: str, spool: Path
) -> None:
    """Once while the server is there, once while it is away; the next producer sends what they left."""
    with engine(own_server.url, namespace, spool, "there", COUNT) as there:
        there.wait_for(COUNT // 2)
        there.kill()
    own_server.stop()
    with engine(own_server.url, namespace, spool, "away", COUNT) as away:
        away.wait_for(COUNT // 2)
        away.kill()
    own_server.start()
    with Producer(own_server.url, namespace, spool=spool) as heir:
        assert heir.flush(PATIENT * 5)
    with own_server.client() as client:
        recorded = resources(client, namespace)
    for dead in (there, away):
        written = recorded.pop(dead.by)
        assert written == [str(number) for number in range(len(written))]
        assert dead.returned <= len(written) <= COUNT  # the call that was killed may have been recorded
    assert recorded == {}
    found = counted(own_server.url, namespace)
    assert (found["missing"], found["quarantined"]) == (0, 0)
    assert there.returned + away.returned <= found["cleanups"] <= there.returned + away.returned + 2
    assert files(spool) == []


def test_an_heir_sends_under_the_old_name_and_writes_under_its_own(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path
) -> None:
    with cut_off(shared_server.url, namespace, spool) as dead:
        old = record(dead, 3)
    with Producer(shared_server.url, namespace, spool=spool) as heir:
        new = record(heir, 2)
        assert heir.flush(PATIENT)
    assert first_occurrences(client, namespace) == {old: [1, 2, 3], new: [1, 2]}


def test_what_another_namespace_is_owed_goes_there(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path
) -> None:
    other = f"{namespace}-other"
    with cut_off(shared_server.url, other, spool) as dead:
        by = record(dead, 3)
    with Producer(shared_server.url, namespace, spool=spool) as heir:
        assert heir.flush(PATIENT)
    assert first_occurrences(client, other) == {by: [1, 2, 3]}
    assert not client.exists(f"{{{namespace}}}:wal")


def test_what_a_living_producer_holds_is_left_to_it(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path
) -> None:
    with engine(AWAY, namespace, spool, "living", 5, meant=shared_server.url) as living:
        living.wait_for(5)
        with Producer(shared_server.url, namespace, spool=spool) as other:
            assert other.flush(PATIENT)
        assert not client.exists(f"{{{namespace}}}:wal")
        living.kill()
    with Producer(shared_server.url, namespace, spool=spool) as heir:
        assert heir.flush(PATIENT)
    assert first_occurrences(client, namespace) == {living.by: [1, 2, 3, 4, 5]}


def test_two_heirs_do_not_send_the_same_file(shared_server: Server, namespace: str, spool: Path) -> None:
    for _ in range(20):
        with cut_off(shared_server.url, namespace, spool) as dead:
            record(dead, 50)
            dead.close(timeout=0)
    heirs = [Producer(shared_server.url, namespace, spool=spool) for _ in range(2)]
    for heir in heirs:
        heir.close(timeout=PATIENT)
    eventually(lambda: files(spool) == [], what="all to be delivered")
    assert counted(shared_server.url, namespace) == {
        "duplicates": 0,
        "missing": 0,
        "quarantined": 0,
        "cleanups": 1000,
    }


# -- between request and reply --


@pytest.mark.parametrize("fault", [Fault.CUT_REPLY, Fault.TRUNCATE_REPLY, Fault.CUT_REQUEST])
def test_a_connection_that_breaks_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    shared_server: Server, client: redis.Redis, proxy: Proxy, namespace: str, spool: Path, fault: Fault
) -> None:
    proxy.inject(fault, times=5)
    with Producer(proxy.url, namespace, spool=spool) as producer:
        by = record(producer, 3000)
        assert producer.flush(PATIENT)
    assert proxy.injected == 5
    assert first_occurrences(client, namespace) == {by: list(range(1, 3001))}
    found = counted(shared_server.url, namespace)
    assert (found["missing"], found["quarantined"], found["cleanups"]) == (0, 0, 3000)


def test_a_refusal_that_passes_keeps_the_order(own_server: Server, namespace: str, spool: Path) -> None:
    with own_server.client() as admin, Producer(own_server.url, namespace, spool=spool) as producer:
        by = record(producer, 10)
        assert producer.flush(PATIENT)
        admin.config_set("maxmemory", "1mb")
        record(producer, 500)
        assert not producer.flush(0.3)
        assert "maxmemory" in (producer.trouble or "")
        admin.config_set("maxmemory", "0")
        assert producer.flush(PATIENT)
        assert producer.trouble is None
        assert first_occurrences(admin, namespace) == {by: list(range(1, 511))}


def test_a_server_that_refuses_for_good_gets_it_when_that_was_mended(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path
) -> None:
    client.set(f"{{{namespace}}}:wal", "no stream")
    with Producer(shared_server.url, namespace, spool=spool) as producer:
        by = record(producer, 5)
        assert not producer.flush(0.3)
        assert "WRONGTYPE" in (producer.trouble or "")
        client.delete(f"{{{namespace}}}:wal")
        assert producer.flush(PATIENT)
    assert first_occurrences(client, namespace) == {by: [1, 2, 3, 4, 5]}


# -- many --


def work_with_a_producer_of_its_own(url: str, namespace: str, spool: Path) -> None:
    with Producer(url, namespace, spool=spool) as producer:
        work(producer, 8, 50)
        assert producer.flush(PATIENT, leftovers=False)


def test_eight_threads_share_a_spool(shared_server: Server, client: redis.Redis, namespace: str, spool: Path) -> None:
    with Producer(shared_server.url, namespace, spool=spool) as producer:
        work(producer, 8, 250)
        assert producer.flush(PATIENT)
    assert list(first_occurrences(client, namespace).values()) == [list(range(1, 2001))]
    assert counted(shared_server.url, namespace) == {
        "duplicates": 0,
        "missing": 0,
        "quarantined": 0,
        "cleanups": 2000,
    }


@pytest.mark.parametrize("there", [True, False], ids=["there", "away"])
def test_eight_processes_of_eight_threads_share_a_directory(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path, there: bool
) -> None:
    context = forking_server(__name__)
    target = work_with_a_producer_of_its_own if there else leave
    children = [context.Process(target=target, args=(shared_server.url, namespace, spool)) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 8
    assert files(spool).count("spool") == (0 if there else 8)
    with Producer(shared_server.url, namespace, spool=spool) as heir:
        assert heir.flush(PATIENT)
    assert sorted(first_occurrences(client, namespace).values()) == [list(range(1, 401))] * 8
    found = counted(shared_server.url, namespace)
    assert found == {"duplicates": 0, "missing": 0, "quarantined": 0, "cleanups": 3200}


def leave(url: str, namespace: str, spool: Path) -> None:
    producer = cut_off(url, namespace, spool)
    work(producer, 8, 50)
    producer.close(timeout=0)


# -- fork --


def test_a_forked_child_has_a_name_and_a_file_of_its_own(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path
) -> None:
    with cut_off(shared_server.url, namespace, spool) as producer:
        mine = record(producer, 3)

        def child() -> None:
            assert record(producer, 2) != mine
            assert files(spool).count("spool") == 2
            producer.close(timeout=0)

        in_a_fork(child)
        assert producer.cleanup_executed("s", "r", "delete", True).seq == 4
    with Producer(shared_server.url, namespace, spool=spool) as heir:
        assert heir.flush(PATIENT)
    numbers = first_occurrences(client, namespace)
    assert numbers.pop(mine) == [1, 2, 3, 4]
    assert list(numbers.values()) == [[1, 2]]


def test_a_child_that_records_nothing_leaves_the_parent_s_file_alone(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path
) -> None:
    """Not even when it lets go of all that it has, and ends as an interpreter does."""
    with cut_off(shared_server.url, namespace, spool) as producer:
        by = record(producer, 3)
        context = multiprocessing.get_context("fork")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = context.Process(target=let_go)
            child.start()
        child.join()
        assert child.exitcode == 0
        record(producer, 2)
    with Producer(shared_server.url, namespace, spool=spool) as heir:
        assert heir.flush(PATIENT)
    assert first_occurrences(client, namespace) == {by: [1, 2, 3, 4, 5]}


def let_go() -> None:
    import gc

    for found in gc.get_objects():
        if isinstance(found, Producer):
            found.__dict__.clear()
    gc.collect()


def test_a_child_that_outlives_its_parent_does_not_keep_the_parent_s_file(
    shared_server: Server, client: redis.Redis, namespace: str, spool: Path
) -> None:
    parent_ended, child_may_end = multiprocessing.Pipe()

    def parent() -> None:
        producer = cut_off(shared_server.url, namespace, spool)
        record(producer, 3)
        if os.fork() == 0:
            child_may_end.recv()
            os._exit(0)
        os._exit(0)  # as a crash: nothing is closed

    in_a_fork(parent)
    try:
        with Producer(shared_server.url, namespace, spool=spool) as heir:
            assert heir.flush(PATIENT)
        assert list(first_occurrences(client, namespace).values()) == [[1, 2, 3]]
    finally:
        parent_ended.send("done")


def test_forks_at_any_moment_find_sqlite_at_rest(shared_server: Server, namespace: str, spool: Path) -> None:
    """Eight threads record while children are forked, each of which records, too."""
    with Producer(shared_server.url, namespace, spool=spool) as producer:
        threads = [threading.Thread(target=record, args=[producer, 300]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            in_a_fork(lambda: (record(producer, 1), producer.flush(PATIENT, leftovers=False)))
        for thread in threads:
            thread.join()
        assert producer.flush(PATIENT)
    found = counted(shared_server.url, namespace)
    assert (found["missing"], found["cleanups"]) == (0, 1210)
