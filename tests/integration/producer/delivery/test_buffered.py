"""Producers with a buffer on real servers: in order, once each, with back-pressure, and what is lost is said."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest
import redis

from producer import BufferFull, Producer
from tests.support.proxy import Fault, Proxy
from tests.support.recording import forking_server, in_a_fork, record, work
from tests.support.servers import Server
from tests.support.spooling import AWAY, counted, first_occurrences

pytestmark = pytest.mark.server

PATIENT = 60.0


def test_what_was_recorded_arrives_once_and_in_order(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    with Producer(shared_server.url, namespace, buffer=100) as producer:
        receipt = producer.cleanup_executed("s", "r", "delete", True)
        assert (receipt.seq, receipt.entry_id) == (1, None)
        record(producer, 4999)
        assert producer.flush(PATIENT)
        assert client.xlen(f"{{{namespace}}}:wal") == 5000
    assert first_occurrences(client, namespace) == {receipt.by: list(range(1, 5001))}
    assert counted(shared_server.url, namespace) == {
        "duplicates": 0,
        "missing": 0,
        "quarantined": 0,
        "cleanups": 5000,
    }


def test_leaving_the_block_sends_what_waits(shared_server: Server, client: redis.Redis, namespace: str) -> None:
    with Producer(shared_server.url, namespace, buffer=1000) as producer:
        by = record(producer, 500)
    assert first_occurrences(client, namespace) == {by: list(range(1, 501))}


def test_the_end_of_the_interpreter_sends_what_waits(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    program = """
import sys
from producer import Producer
producer = Producer(sys.argv[1], sys.argv[2], buffer=1000)
for _ in range(500):
    producer.cleanup_executed("s", "r", "delete", True)
"""
    subprocess.run([sys.executable, "-c", program, shared_server.url, namespace], check=True)
    assert list(first_occurrences(client, namespace).values()) == [list(range(1, 501))]


def test_a_full_buffer_holds_the_engine_up_and_then_refuses(own_server: Server, namespace: str) -> None:
    with own_server.frozen():
        producer = Producer(own_server.url, namespace, buffer=10, buffer_timeout=0.3)
        by = record(producer, 10)
        began = time.monotonic()
        with pytest.raises(BufferFull, match="10 operations wait in memory"):
            record(producer, 1)
        assert 0.3 <= time.monotonic() - began < 5
    assert producer.flush(PATIENT)
    assert producer.cleanup_executed("s", "r", "delete", True).seq == 11
    producer.close()
    with own_server.client() as client:
        assert first_occurrences(client, namespace) == {by: list(range(1, 12))}


def test_back_pressure_lets_a_server_that_comes_back_catch_up(own_server: Server, namespace: str) -> None:
    with Producer(own_server.url, namespace, buffer=50, buffer_timeout=PATIENT) as producer:
        record(producer, 10)
        own_server.kill()
        recording = threading.Thread(target=record, args=[producer, 500])
        recording.start()
        recording.join(0.2)
        assert recording.is_alive()
        own_server.start()
        recording.join()
        assert producer.flush(PATIENT)
    found = counted(own_server.url, namespace)
    assert (found["missing"], found["cleanups"]) == (0, 510)


def test_what_is_lost_at_the_end_is_said(namespace: str, caplog: pytest.LogCaptureFixture) -> None:
    producer = Producer(AWAY, namespace, buffer=10)
    by = record(producer, 3)
    assert not producer.flush(0.2)
    with caplog.at_level(logging.WARNING, "producer"):
        producer.close(timeout=0.2)
    assert f"3 operations of {by} are lost: 127.0.0.1:" in caplog.text
    with pytest.raises(BufferFull, match="was closed"):
        record(producer, 1)


def test_an_outage_is_said_once_and_its_end_too(
    own_server: Server, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "producer"), Producer(own_server.url, namespace, buffer=100) as producer:
        record(producer, 1)
        assert producer.flush(PATIENT)
        own_server.kill()
        record(producer, 1)
        assert not producer.flush(1.5)
        own_server.start()
        assert producer.flush(PATIENT)
    # A connection that is cut is other trouble than one that is refused.
    assert 1 <= sum(said.startswith("operations wait: ") for said in caplog.messages) <= 2
    assert caplog.messages.count("operations are forwarded again") == 1


@pytest.mark.parametrize("fault", [Fault.CUT_REPLY, Fault.TRUNCATE_REPLY, Fault.CUT_REQUEST])
def test_a_connection_that_breaks_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    shared_server: Server, client: redis.Redis, proxy: Proxy, namespace: str, fault: Fault
) -> None:
    proxy.inject(fault, times=5)
    with Producer(proxy.url, namespace, buffer=5000) as producer:
        by = record(producer, 3000)
        assert producer.flush(PATIENT)
    assert proxy.injected == 5
    assert first_occurrences(client, namespace) == {by: list(range(1, 3001))}
    found = counted(shared_server.url, namespace)
    assert (found["missing"], found["quarantined"], found["cleanups"]) == (0, 0, 3000)


def test_eight_threads_share_a_buffer(shared_server: Server, client: redis.Redis, namespace: str) -> None:
    with Producer(shared_server.url, namespace, buffer=100, buffer_timeout=PATIENT) as producer:
        work(producer, 8, 250)
    assert list(first_occurrences(client, namespace).values()) == [list(range(1, 2001))]


def test_a_forked_child_sends_its_own_and_not_what_waits_in_the_parent(own_server: Server, namespace: str) -> None:
    with Producer(own_server.url, namespace, buffer=100) as producer:
        own_server.kill()
        mine = record(producer, 3)
        own_server.start()

        def child() -> None:
            assert record(producer, 2) != mine
            assert producer.flush(PATIENT)

        in_a_fork(child)
        assert producer.flush(PATIENT)
    with own_server.client() as client:
        numbers = first_occurrences(client, namespace)
    assert numbers.pop(mine) == [1, 2, 3]
    assert list(numbers.values()) == [[1, 2]]
    assert counted(own_server.url, namespace)["cleanups"] == 5


def run_with_a_buffer(url: str, namespace: str) -> None:
    with Producer(url, namespace, buffer=100) as producer:
        for _ in range(50):
            with producer.execution("job", source="manual"):
                pass


def test_eight_processes_with_a_buffer_each(shared_server: Server, client: redis.Redis, namespace: str) -> None:
    context = forking_server(__name__)
    children = [context.Process(target=run_with_a_buffer, args=(shared_server.url, namespace)) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 8
    assert sorted(first_occurrences(client, namespace).values()) == [list(range(1, 101))] * 8
    assert counted(shared_server.url, namespace)["missing"] == 0
