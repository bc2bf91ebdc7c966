"""One imported Producer among processes and threads: forked, spawned, and forked while a lock is held."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import BaseContext
from typing import Any

import pytest
import redis

from producer import Producer, WalUnavailable
from projector import Projector
from tests.support.recording import in_a_fork
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server

PROCESSES, THREADS, OPERATIONS = 8, 8, 10

# Python 3.12 warns of a fork in a process with threads, which is what is tested here.
forking = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def work(producer: Producer) -> None:
    """What an engine does: some threads, each with a few runs."""

    def runs() -> None:
        for _ in range(OPERATIONS // 2):
            with producer.execution("job", source="manual"):
                pass

    threads = [threading.Thread(target=runs) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def work_with_a_producer_of_its_own(url: str, namespace: str) -> None:
    with Producer(url, namespace, timeout=60) as producer:
        work(producer)


def in_processes(context: BaseContext, target: Callable[..., None], *arguments: object) -> None:
    children = [context.Process(target=target, args=arguments) for _ in range(PROCESSES)]  # type: ignore[attr-defined]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * PROCESSES


def counted(server: Server, namespace: str) -> dict[str, int]:
    """What a projector makes of the log."""
    Projector(server.url, namespace).drain()
    with server.client() as client:
        checkpoint: Any = client.hgetall(f"{{{namespace}}}:checkpoint")
        totals: Any = client.hgetall(f"{{{namespace}}}:totals")
        producers: Any = client.hlen(f"{{{namespace}}}:producers")
    return {
        "entries": int(checkpoint[b"entries"]),
        "duplicates": int(checkpoint[b"duplicates"]),
        "missing": int(checkpoint[b"missing"]),
        "executions": int(totals[b"total_executions"]),
        "producers": producers,
    }


@forking
def test_forked_children_with_threads_share_one_producer_and_lose_nothing(
    shared_server: Server, namespace: str
) -> None:
    """The parent has used it before, uses it meanwhile, and goes on afterwards."""
    with Producer(shared_server.url, namespace, timeout=60) as producer:
        work(producer)
        meanwhile = threading.Thread(target=work, args=[producer])
        meanwhile.start()
        in_processes(multiprocessing.get_context("fork"), work, producer)
        meanwhile.join()
        work(producer)
    of_each = THREADS * OPERATIONS
    assert counted(shared_server, namespace) == {
        "entries": (PROCESSES + 3) * of_each,
        "duplicates": 0,
        "missing": 0,
        "executions": (PROCESSES + 3) * of_each // 2,
        "producers": PROCESSES + 1,
    }


def test_spawned_children_with_threads_lose_nothing(shared_server: Server, namespace: str) -> None:
    context = multiprocessing.get_context("spawn")
    in_processes(context, work_with_a_producer_of_its_own, shared_server.url, namespace)
    entries = PROCESSES * THREADS * OPERATIONS
    assert counted(shared_server, namespace) == {
        "entries": entries,
        "duplicates": 0,
        "missing": 0,
        "executions": entries // 2,
        "producers": PROCESSES,
    }


def test_a_producer_is_not_passed_to_a_spawned_child(shared_server: Server, namespace: str) -> None:
    context = multiprocessing.get_context("spawn")
    with Producer(shared_server.url, namespace) as producer:
        child = context.Process(target=work, args=[producer])
        with pytest.raises(TypeError, match="make one in each process"):
            child.start()


def test_a_forked_child_has_a_name_and_numbers_of_its_own(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    with Producer(shared_server.url, namespace, timeout=60) as producer:
        before = [producer.cleanup_executed("s", "parent", "delete", True) for _ in range(2)]

        def child() -> None:
            in_a_fork(lambda: record_twice(producer))
            record_twice(producer)

        in_a_fork(child)
        after = producer.cleanup_executed("s", "parent", "delete", True)
    entries: Any = client.xrange(f"{{{namespace}}}:wal")
    numbers: dict[str, list[int]] = {}
    for _, fields in entries:
        numbers.setdefault(fields[b"by"].decode(), []).append(int(fields[b"seq"]))
    assert numbers.pop(before[0].by) == [1, 2, 3]
    assert after.seq == 3
    assert list(numbers.values()) == [[1, 2], [1, 2]]  # of the child, and of its child
    assert [by.split(":")[-2] == before[0].by.split(":")[-2] for by in numbers] == [False, False]


def record_twice(producer: Producer) -> None:
    for _ in range(2):
        producer.cleanup_executed("s", "child", "delete", True)


class Held:
    """Locks, held by another thread while the block runs."""

    def __init__(self, *locks: Any) -> None:
        self._locks = locks
        self._held, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        for lock in self._locks:
            lock.acquire()
        self._held.set()
        self._done.wait()
        for lock in self._locks:
            lock.release()

    def __enter__(self) -> None:
        self._thread.start()
        self._held.wait()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def test_a_fork_while_another_thread_holds_a_lock_leaves_the_child_able_to_record(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    with Producer(shared_server.url, namespace, timeout=60) as producer:
        producer.cleanup_executed("s", "parent", "delete", True)
        log: Any = producer._log
        pool = log.client.connection_pool
        delivery: Any = producer._delivery
        identity = delivery.identity
        with Held(pool._lock, pool._fork_lock, identity._merging):
            in_a_fork(lambda: record_twice(producer))
    assert client.xlen(f"{{{namespace}}}:wal") == 3


def test_what_the_parent_could_not_record_a_forked_child_sends_under_the_parent_s_name(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    with (
        Producer(f"redis://127.0.0.1:{vacant_port()}/0", namespace, timeout=0.05) as away,
        Producer(shared_server.url, namespace, timeout=60) as producer,
    ):
        with pytest.raises(WalUnavailable) as trouble:
            away.cleanup_executed("s", "parent", "delete", True)

        def send_it_and_one_more() -> None:
            producer.resend(trouble.value)
            producer.cleanup_executed("s", "child", "delete", True)

        in_a_fork(send_it_and_one_more)
    entries: Any = client.xrange(f"{{{namespace}}}:wal")
    names = [fields[b"by"].decode() for _, fields in entries]
    assert names[0] == trouble.value.receipt.by
    assert names[1] != names[0]


def fail_in_a_pool(port: int) -> None:
    with Producer(f"redis://127.0.0.1:{port}/0", "away", timeout=0.05) as producer:
        producer.cleanup_executed("s", "child", "delete", True)


def test_an_error_comes_back_from_a_pool_of_processes_and_can_be_sent_again(
    shared_server: Server, client: redis.Redis, namespace: str
) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        error = pool.submit(fail_in_a_pool, vacant_port()).exception()
    assert isinstance(error, WalUnavailable)
    with Producer(shared_server.url, namespace, timeout=60) as producer:
        assert producer.resend(error).by == error.receipt.by
    assert client.xlen(f"{{{namespace}}}:wal") == 1
