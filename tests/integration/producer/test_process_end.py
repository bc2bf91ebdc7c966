"""The end of processes of every kind: what waits is sent, and runs that are open have failed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.servers import Server
from tests.support.spooling import files

pytestmark = pytest.mark.server

_PROGRAM = """
import asyncio, multiprocessing, sys, threading
from concurrent.futures import ThreadPoolExecutor
from producer import Producer

def record(producer, count):
    for number in range(count):
        producer.cleanup_executed("s", str(number), "delete", True)

def engine(url, namespace, way):
    record(Producer(url, namespace, **way), 200)

def open_run(url, namespace, way):
    Producer(url, namespace, **way).execution("a", source="manual").__enter__()

def outlived_by_threads(url, namespace, way):
    producer = Producer(url, namespace, **way)
    pool = ThreadPoolExecutor(1)
    pool.submit(record, producer, 50)
    def late():
        pause = threading.Event()
        while threading.main_thread().is_alive() and "producer-end" not in [t.name for t in threading.enumerate()]:
            pause.wait(0.01)  # for our target to return
        record(producer, 50)
    threading.Thread(target=late).start()

async def coroutine(producer):
    async with producer.execution("a", source="manual"):
        pass

def coroutines(url, namespace, way):
    asyncio.run(coroutine(Producer(url, namespace, **way)))

def heir_of_coroutines(url, namespace, way):
    asyncio.run(coroutine(inherited))

def heir(url, namespace, way):
    record(inherited, 100)

def grandparent(url, namespace, way):
    producer = Producer(url, namespace, **way)
    record(producer, 10)
    child = multiprocessing.get_context("fork").Process(target=record, args=(producer, 20))
    child.start()
    child.join()

if __name__ == "__main__":
    method, target, url, namespace, way = sys.argv[1:]
    way = eval(way)
    inherited = Producer(url, namespace, **way) if target.startswith("heir") else None
    if target == "heir_of_coroutines":
        asyncio.run(coroutine(inherited))  # so that it has threads, which a forked child has not
    child = multiprocessing.get_context(method).Process(target=globals()[target], args=(url, namespace, way))
    child.start()
    child.join()
    sys.exit(child.exitcode)
"""

Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def run(shared_server: Server, client: redis.Redis, namespace: str, tmp_path: Path) -> Run:
    """Run `target` in a child of multiprocessing; the operations that are in the log when it has ended."""
    program = tmp_path / "engine.py"
    program.write_text(_PROGRAM)

    def run(method: str, target: str, **way: object) -> list[dict[str, Any]]:
        ended = subprocess.run(
            [sys.executable, program, method, target, shared_server.url, namespace, repr(way)],
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        entries: Any = client.xrange(f"{{{namespace}}}:wal")
        return [json.loads(fields[b"op"]) for _, fields in entries]

    return run


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_of_multiprocessing_that_never_closes_its_producer_sends_all_that_it_buffered(
    run: Run, method: str
) -> None:
    assert len(run(method, "engine", buffer=1000)) == 200


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_of_multiprocessing_that_never_closes_its_producer_leaves_nothing_in_its_spool(
    run: Run, method: str, tmp_path: Path
) -> None:
    assert len(run(method, "engine", spool=str(tmp_path / "spool"))) == 200
    assert files(tmp_path / "spool") == []


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_run_left_open_by_a_child_of_multiprocessing_has_failed(run: Run, method: str) -> None:
    started, completed = run(method, "open_run")
    assert started["execution_id"] == completed["execution_id"]
    assert (completed["success"], completed["error"]) == (False, "producer exited")


def test_a_run_left_open_with_a_buffer_has_failed_before_the_buffer_is_closed(run: Run) -> None:
    assert [operation.get("error") for operation in run("fork", "open_run", buffer=10)] == [None, "producer exited"]


def test_a_producer_inherited_by_a_child_of_multiprocessing_sends_all(run: Run) -> None:
    assert len(run("fork", "heir", buffer=1000)) == 100


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_idle_threads_of_coroutines_do_not_keep_a_child_of_multiprocessing_from_ending(run: Run, method: str) -> None:
    assert len(run(method, "coroutines", buffer=10)) == 2


def test_a_producer_inherited_by_a_child_runs_its_coroutines_in_threads_of_the_child(run: Run) -> None:
    assert len(run("fork", "heir_of_coroutines")) == 4


def test_a_child_of_a_child_sends_all_and_so_does_its_parent(run: Run) -> None:
    assert len(run("fork", "grandparent", buffer=1000)) == 30


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_threads_that_outlive_the_target_of_a_child_may_record_until_they_end(run: Run, method: str) -> None:
    assert len(run(method, "outlived_by_threads", buffer=1000)) == 100


def test_without_multiprocessing_it_is_not_loaded(shared_server: Server, namespace: str) -> None:
    program = (
        "import sys; from producer import Producer; Producer(*sys.argv[1:], buffer=1).flush();"
        "print('multiprocessing.util' in sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program, shared_server.url, namespace], capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "False\n"
