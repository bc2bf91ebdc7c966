"""A cleanup within the body of a run belongs to the run, without being told so."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import fakeredis
import orjson
import pytest

from producer import Execution, Producer


class Engine:
    """A producer on a fake server, and to which runs the cleanups of its log belong."""

    def __init__(self) -> None:
        self.client: Any = fakeredis.FakeRedis()
        self.producer = Producer(self.client)

    def run(self, name: str, **options: Any) -> Execution:
        return self.producer.execution("sweep", source="manual", execution_id=name, **options)

    def clean(self, producer: Producer | None = None, **options: Any) -> None:
        (producer or self.producer).cleanup_executed("s", "r", "delete", True, **options)

    @property
    def owners(self) -> list[str | None]:
        found = [orjson.loads(fields[b"op"]) for _, fields in self.client.xrange("{otters}:wal")]
        return [operation.get("execution_id") for operation in found if operation["type"] == "cleanup_executed"]


@pytest.fixture
def engine() -> Engine:
    return Engine()


def test_it_belongs_to_the_innermost_run_and_after_the_last_to_none(engine: Engine) -> None:
    engine.clean()
    with engine.run("outer"):
        engine.clean()
        with engine.run("inner"):
            engine.clean()
        engine.clean()
    engine.clean()
    assert engine.owners == [None, "outer", "inner", "outer", None]


def test_a_run_that_is_named_wins(engine: Engine) -> None:
    with engine.run("this"):
        engine.clean(execution_id="that")
    assert engine.owners == ["that"]


def test_a_run_of_another_producer_is_none_of_its_business(engine: Engine) -> None:
    other = Producer(engine.client)
    with engine.run("mine"), other.execution("sweep", source="manual", execution_id="other"):
        engine.clean()
        engine.clean(other)
    engine.clean(other)
    assert engine.owners == ["mine", "other", None]


def test_after_a_body_that_raised_it_belongs_to_no_run(engine: Engine) -> None:
    with pytest.raises(ValueError, match="no"), engine.run("r"):
        raise ValueError("no")
    engine.clean()
    assert engine.owners == [None]


def test_a_run_whose_start_could_not_be_recorded_has_its_cleanups_all_the_same(engine: Engine) -> None:
    server = fakeredis.FakeServer()
    engine.client = fakeredis.FakeRedis(server=server)
    engine.producer = Producer(engine.client, timeout=0.05)
    server.connected = False
    with engine.run("r", on_unavailable="log"):
        server.connected = True
        engine.clean()
    assert engine.owners == ["r"]


def test_it_belongs_to_each_call_of_a_function_that_is_tracked(engine: Engine) -> None:
    @engine.producer.tracked("sweep", source="manual")
    def sweep() -> None:
        engine.clean()

    sweep()
    sweep()
    first, second = engine.owners
    assert first is not None
    assert second not in (None, first)


def test_coroutines_that_take_turns_have_each_the_cleanups_of_its_own_run(engine: Engine) -> None:
    async def sweep(name: str) -> None:
        async with engine.run(name):
            for _ in range(3):
                engine.clean()
                await asyncio.sleep(0)
        engine.clean()

    async def sweep_all() -> None:
        await asyncio.gather(*(sweep(f"r{number}") for number in range(4)))
        engine.clean()

    asyncio.run(sweep_all())
    assert sorted(filter(None, engine.owners)) == [f"r{number}" for number in range(4) for _ in range(3)]
    assert engine.owners.count(None) == 5


def test_a_task_of_the_body_inherits_the_run_until_that_ends(engine: Engine) -> None:
    async def work(ended: asyncio.Event) -> None:
        engine.clean()
        await asyncio.to_thread(engine.clean)
        await ended.wait()
        engine.clean()

    async def sweep() -> None:
        ended = asyncio.Event()
        async with engine.run("r"):
            task = asyncio.create_task(work(ended))
            while len(engine.owners) < 2:
                await asyncio.sleep(0)
        ended.set()
        await task

    asyncio.run(sweep())
    assert engine.owners == ["r", "r", None]


def test_another_thread_does_not_inherit_the_run(engine: Engine) -> None:
    with engine.run("r"):
        thread = threading.Thread(target=engine.clean)
        thread.start()
        thread.join()
    assert engine.owners == [None]


def test_a_body_that_ends_in_another_task_leaves_nothing_behind(engine: Engine) -> None:
    """As a fixture's does that is set up in one task and torn down in another."""

    async def sweep() -> None:
        run = engine.run("r")
        await run.__aenter__()
        engine.clean()
        await asyncio.create_task(run.__aexit__(None, None, None))
        engine.clean()
        async with engine.run("next"):
            engine.clean()

    asyncio.run(sweep())
    assert engine.owners == ["r", None, "next"]


def test_a_run_that_the_producer_s_end_ended_has_no_cleanups_any_more(engine: Engine) -> None:
    with engine.run("r"):
        engine.producer.close()
        engine.clean()
    assert engine.owners == [None]
