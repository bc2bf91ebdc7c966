"""A run recorded around its body: `with`, `async with` and the decorator, whatever comes out of the body."""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextvars import ContextVar
from typing import Any, Literal

import fakeredis
import orjson
import pytest

from producer import Execution, InvalidOperation, Producer, WalUnavailable
from producer.execution import threads

OnUnavailable = Literal["raise", "log"]


class Engine:
    """A producer on a fake server, a clock that stands still until it is moved, and what was recorded."""

    def __init__(self) -> None:
        self.now = 50.0
        self.server = fakeredis.FakeServer()
        self.client: Any = fakeredis.FakeRedis(server=self.server)
        self.producer = Producer(self.client, timeout=0.05, clock=lambda: 1000.0, monotonic=self._monotonic)
        self._waiting = 0.0

    def _monotonic(self) -> float:
        # Time passes in attempts, too, or the producer would try for ever; that is not the run's.
        self._waiting += 0 if self.server.connected else 0.01
        return self.now + self._waiting

    def run(self, on_unavailable: OnUnavailable = "raise", **options: Any) -> Execution:
        return self.producer.execution("backup", source="cron:nightly", on_unavailable=on_unavailable, **options)

    def away(self) -> None:
        self.server.connected = False

    def back(self) -> None:
        self.server.connected = True

    @property
    def operations(self) -> list[dict[str, Any]]:
        self.back()
        return [orjson.loads(fields[b"op"]) for _, fields in self.client.xrange("{otters}:wal")]

    @property
    def completion(self) -> dict[str, Any]:
        started, completed = self.operations
        assert started["type"] == "action_execution_started"
        assert completed["type"] == "action_execution_completed"
        assert completed["execution_id"] == started["execution_id"]
        return completed


@pytest.fixture
def engine() -> Engine:
    return Engine()


def enter_and_raise(run: Execution, raised: BaseException, *, before: Callable[[], object] = bool) -> None:
    with run:
        run.output = "so far"
        before()
        raise raised


# -- with --


def test_the_start_is_recorded_before_the_body_and_the_end_after(engine: Engine) -> None:
    with engine.run(execution_type="task") as run:
        assert engine.operations == [
            {
                "type": "action_execution_started",
                "action_id": "backup",
                "source": "cron:nightly",
                "execution_type": "task",
                "started_at": 1_000_000,
                "execution_id": run.execution_id,
                "heartbeats": True,
            }
        ]
        engine.now += 1.2345
        run.output = "done"
    assert engine.completion == {
        "type": "action_execution_completed",
        "action_id": "backup",
        "success": True,
        "output": "done",
        "duration_ms": 1234,
        "completed_at": 1_000_000,
        "execution_id": run.execution_id,
    }
    assert run.started is not None
    assert run.completed is not None
    assert (run.started.seq, run.completed.seq) == (1, 2)


def test_each_run_has_an_id_of_its_own_unless_it_is_given_one(engine: Engine) -> None:
    assert engine.run().execution_id != engine.run().execution_id
    assert engine.run(execution_id="job-7").execution_id == "job-7"


def test_an_empty_id_is_refused_and_not_replaced(engine: Engine) -> None:
    with pytest.raises(InvalidOperation, match="execution_id"), engine.run(execution_id=""):
        raise AssertionError("the body ran")


def test_a_clock_that_goes_back_makes_no_negative_duration(engine: Engine) -> None:
    with engine.run():
        engine.now -= 10
    assert engine.completion["duration_ms"] == 0


def test_runs_nest_and_overlap(engine: Engine) -> None:
    outer, inner = engine.run(), engine.run()
    outer.__enter__()
    inner.__enter__()
    engine.now += 1
    outer.__exit__(None, None, None)
    engine.now += 1
    inner.__exit__(None, None, None)
    ends = [(operation["execution_id"], operation["duration_ms"]) for operation in engine.operations[2:]]
    assert ends == [(outer.execution_id, 1000), (inner.execution_id, 2000)]


def test_a_run_is_entered_once(engine: Engine) -> None:
    with engine.run() as run:
        pass
    with pytest.raises(RuntimeError, match="make a new one for each run"), run:
        raise AssertionError("the body ran")
    assert len(engine.operations) == 2


def test_a_run_told_to_fail_is_a_failure_and_its_body_goes_on(engine: Engine) -> None:
    with engine.run() as run:
        run.fail("3 of 7 files")
        run.output = "4 files"
    assert engine.completion | {"success": False, "error": "3 of 7 files", "output": "4 files"} == engine.completion


class Shouting(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (ValueError("bad\udcff path"), "ValueError: bad\ufffd path"),
        (ValueError(), "ValueError"),
        (Shouting(), "Shouting"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (asyncio.CancelledError("shutdown"), "CancelledError: shutdown"),
        (SystemExit(3), "SystemExit: 3"),
        (SystemExit("no disk"), "SystemExit: no disk"),
        (SystemExit(0.0), "SystemExit: 0.0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_the_body_raises_is_a_failure_and_goes_on(engine: Engine, raised: BaseException, text: str) -> None:
    with pytest.raises(type(raised)) as caught:
        enter_and_raise(engine.run(), raised)
    assert caught.value is raised
    assert engine.completion | {"success": False, "error": text, "output": "so far"} == engine.completion


@pytest.mark.parametrize("code", [0, None, False])
def test_a_clean_exit_is_a_success_and_goes_on(engine: Engine, code: Any) -> None:
    with pytest.raises(SystemExit), engine.run():
        sys.exit(code)
    assert engine.completion["success"] is True


def test_a_clean_exit_from_a_run_told_to_fail_is_a_failure(engine: Engine) -> None:
    run = engine.run()
    with pytest.raises(SystemExit):
        enter_and_raise(run, SystemExit(0), before=lambda: run.fail("half done"))
    assert engine.completion["error"] == "half done"


def test_a_generator_that_is_closed_within_a_run_ends_it(engine: Engine) -> None:
    def rows() -> Generator[int, None, None]:
        with engine.run():
            yield 1
            yield 2

    generator = rows()
    next(generator)
    generator.close()
    assert engine.completion["error"] == "GeneratorExit"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("output", "written"),
    [
        ("text", "text"),
        (b"\xff", "\ufffd"),
        (bytearray(b"bytes"), "bytes"),
        (memoryview(b"view"), "view"),
        (7, "7"),
        ({"a": 1}, "{'a': 1}"),
        (Unprintable(), ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_output_of_any_type_does_not_keep_the_end_out_of_the_log(
    engine: Engine, output: Any, written: str
) -> None:
    with engine.run() as run:
        run.output = output
    assert engine.completion["output"] == written


# -- with, and no server --


def test_the_body_does_not_run_when_the_start_cannot_be_recorded(engine: Engine) -> None:
    engine.away()
    with pytest.raises(WalUnavailable), engine.run():
        raise AssertionError("the body ran")


def test_told_to_log_the_body_runs_all_the_same(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    ran = False
    engine.away()
    with engine.run("log") as run:
        ran = True
    assert ran
    assert (run.started, run.completed) == (None, None)
    assert [(record.name, record.levelno) for record in caplog.records] == [("producer", logging.WARNING)] * 2
    assert (
        f"run {run.execution_id} of {run.action_id!r}: action_execution_started was not acknowledged" in caplog.text
    )


def test_told_to_log_an_end_whose_start_was_not_recorded_is_recorded(engine: Engine) -> None:
    engine.away()
    with engine.run("log"):
        engine.back()
    [completion] = engine.operations
    assert completion["success"] is True


def test_another_choice_is_refused(engine: Engine) -> None:
    with pytest.raises(InvalidOperation, match="on_unavailable"):
        engine.run("ignore")  # type: ignore[arg-type]


def test_an_end_that_cannot_be_recorded_is_raised(engine: Engine) -> None:
    with pytest.raises(WalUnavailable, match="action_execution_completed"), engine.run():
        engine.away()


def test_told_to_log_an_end_that_cannot_be_recorded_is_logged(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.run("log"):
        engine.away()
    assert ["action_execution_completed" in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("on_unavailable", ["raise", "log"])
@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
def test_the_body_s_exception_goes_on_with_the_record_s_trouble_as_a_note(
    engine: Engine, kind: type[BaseException], on_unavailable: OnUnavailable
) -> None:
    raised = kind()
    with pytest.raises(kind) as caught:
        enter_and_raise(engine.run(on_unavailable), raised, before=engine.away)
    assert caught.value is raised
    assert ["WalUnavailable: action_execution_completed" in note for note in raised.__notes__] == [True]


@pytest.mark.parametrize("kind", [SystemExit, GeneratorExit])
def test_the_trouble_is_logged_where_nobody_would_read_the_note(
    engine: Engine, caplog: pytest.LogCaptureFixture, kind: type[BaseException]
) -> None:
    with pytest.raises(kind):
        enter_and_raise(engine.run(), kind(), before=engine.away)
    assert len(caplog.records) == 1


def test_not_even_a_fault_of_our_own_takes_the_place_of_the_body_s_exception(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    def break_it() -> None:
        monkeypatch.setattr(engine.producer._delivery, "record", broken)

    with pytest.raises(ValueError, match="mine") as caught:
        enter_and_raise(engine.run(), ValueError("mine"), before=break_it)
    assert caught.value.__notes__ == ["RuntimeError: a fault"]


# -- async with --


def run_async(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(main(), 30)

    asyncio.run(bounded())


class Gate:
    """Holds up the producer's next operation of one kind, in whatever thread it is made, until it is opened."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        original = getattr(engine.producer, operation)

        def gated(*arguments: Any, **options: Any) -> Any:
            self.reached.set()
            assert self.opened.wait(30)
            return original(*arguments, **options)

        monkeypatch.setattr(engine.producer, operation, gated)


STARTED, COMPLETED = "begin", "action_execution_completed"


def test_async_with_records_as_with_does(engine: Engine) -> None:
    async def main() -> None:
        async with engine.run() as run:
            assert len(engine.operations) == 1
            run.output = "done"

    run_async(main)
    assert engine.completion["output"] == "done"


def test_async_an_exception_of_the_body_goes_on(engine: Engine) -> None:
    async def main() -> None:
        async with engine.run():
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        run_async(main)
    assert engine.completion["error"] == "ValueError: bad"


def test_async_the_body_does_not_run_when_the_start_cannot_be_recorded(engine: Engine) -> None:
    async def main() -> None:
        engine.away()
        async with engine.run():
            raise AssertionError("the body ran")

    with pytest.raises(WalUnavailable):
        run_async(main)


def test_async_an_end_that_cannot_be_recorded_is_raised(engine: Engine) -> None:
    async def main() -> None:
        async with engine.run():
            engine.away()

    with pytest.raises(WalUnavailable, match=COMPLETED):
        run_async(main)


@pytest.mark.parametrize("operation", [STARTED, COMPLETED])
def test_the_loop_goes_on_while_an_operation_is_on_its_way(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """The gate is opened by the loop itself: one that was blocked would never come to it."""
    gate = Gate(engine, monkeypatch, operation)

    async def open_when_reached() -> None:
        while not gate.reached.is_set():
            await asyncio.sleep(0)
        gate.opened.set()

    async def main() -> None:
        opener = asyncio.create_task(open_when_reached())
        async with engine.run():
            pass
        await opener

    run_async(main)
    assert engine.completion["success"] is True


def test_a_body_that_is_cancelled_is_a_failure(engine: Engine) -> None:
    async def main() -> None:
        entered = asyncio.Event()

        async def body() -> None:
            async with engine.run():
                entered.set()
                await asyncio.sleep(3600)

        task = asyncio.create_task(body())
        await entered.wait()
        task.cancel("shutdown")
        with pytest.raises(asyncio.CancelledError):
            await task

    run_async(main)
    assert engine.completion["error"] == "CancelledError: shutdown"


async def cancelled_at(gate: Gate, body: Callable[[], Any], *, times: int = 2) -> asyncio.Task[None]:
    """`body` as a task that was cancelled, more than once, while it was held up at the gate; done."""
    task = asyncio.create_task(body())
    while not gate.reached.is_set():
        await asyncio.sleep(0)
    for _ in range(times):
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    assert not task.done()
    gate.opened.set()
    await asyncio.wait([task])
    return task


def test_the_end_is_recorded_however_often_it_is_cancelled(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(engine, monkeypatch, COMPLETED)

    async def body() -> None:
        async with engine.run():
            pass

    async def main() -> None:
        assert (await cancelled_at(gate, body)).cancelled()

    run_async(main)
    assert engine.completion["success"] is True


def test_cancelled_while_the_start_is_recorded_the_run_ends_without_its_body(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(engine, monkeypatch, STARTED)

    async def body() -> None:
        async with engine.run():
            raise AssertionError("the body ran")

    async def main() -> None:
        assert (await cancelled_at(gate, body)).cancelled()

    run_async(main)
    assert engine.completion["error"] == "CancelledError"


def test_cancelled_while_the_start_fails_the_cancellation_is_not_lost(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop that takes WalUnavailable and tries again must still end when it is cancelled."""
    gate = Gate(engine, monkeypatch, STARTED)

    async def body() -> None:
        while True:
            try:
                async with engine.run():
                    raise AssertionError("the body ran")
            except WalUnavailable:
                await asyncio.sleep(0)

    async def main() -> None:
        engine.away()
        assert (await cancelled_at(gate, body)).cancelled()

    run_async(main)


def test_cancelled_while_the_end_is_recorded_the_body_s_exception_goes_on_and_then_the_cancellation(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(engine, monkeypatch, COMPLETED)
    seen: list[str] = []

    async def body() -> None:
        try:
            async with engine.run():
                raise ValueError("mine")
        except ValueError as error:
            seen.append(str(error))
        await asyncio.sleep(3600)

    async def main() -> None:
        assert (await cancelled_at(gate, body)).cancelled()

    run_async(main)
    assert seen == ["mine"]
    assert engine.completion["error"] == "ValueError: mine"


def test_a_time_limit_around_a_run_is_a_timeout(engine: Engine) -> None:
    async def main() -> None:
        async with asyncio.timeout(0.01), engine.run():
            await asyncio.sleep(3600)

    with pytest.raises(TimeoutError):
        run_async(main)
    assert engine.completion["error"] == "CancelledError"


def occupied(engine: Engine, freed: threading.Event) -> asyncio.Task[Any]:
    """The call that has all of the producer's threads until it is `freed`."""

    def hold() -> None:
        assert freed.wait(30)

    return asyncio.create_task(engine.producer._threads.call(hold))


def test_an_end_that_still_waits_for_a_thread_when_the_loop_is_torn_down_is_recorded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio.run cancels every task there is when its main one is done."""
    monkeypatch.setattr(threads, "MOST", 1)
    freed = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        leaving = asyncio.Event()

        async def body() -> None:
            async with engine.run():
                occupied(engine, freed)
                await asyncio.sleep(0)
                leaving.set()

        task = asyncio.create_task(body())
        await leaving.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        loop.call_later(0.05, freed.set)

    run_async(main)
    assert engine.completion["success"] is True


def test_a_start_that_is_cancelled_while_it_waits_for_a_thread_is_dropped_at_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else hundreds of runs would hold up the end of an engine, each for as long as Redis is away."""
    monkeypatch.setattr(threads, "MOST", 1)
    freed = threading.Event()

    async def body() -> None:
        async with engine.run():
            raise AssertionError("the body ran")

    async def main() -> None:
        occupying = occupied(engine, freed)
        task = asyncio.create_task(body())
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel("shutdown")
        with pytest.raises(asyncio.CancelledError, match="shutdown"):
            await task
        assert not freed.is_set()
        freed.set()
        await occupying

    run_async(main)
    assert engine.operations == []


def own_threads() -> set[threading.Thread]:
    """Those that producers have for coroutines, in this process."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("producer-coroutines")}


def test_the_calls_of_coroutines_leave_the_loop_s_own_threads_alone_and_have_few(engine: Engine) -> None:
    """400 runs that waited for Redis in the default executor held up getaddrinfo for seconds."""
    freed, entered = threading.Event(), 0
    seen: set[str] = set()

    def held_up() -> None:
        seen.add(threading.current_thread().name)
        assert freed.wait(30)

    async def run() -> None:
        nonlocal entered
        async with engine.producer.execution("job", source="manual"):
            entered += 1

    async def main() -> None:
        loop = asyncio.get_running_loop()
        holding = [asyncio.create_task(engine.producer._threads.call(held_up)) for _ in range(threads.MOST)]
        runs = [asyncio.create_task(run()) for _ in range(400)]
        assert await loop.getaddrinfo("127.0.0.1", 80)
        assert entered == 0
        assert await asyncio.to_thread(lambda: threading.current_thread().name) not in seen
        freed.set()
        await asyncio.gather(*holding, *runs)
        assert entered == 400
        assert len(own_threads() - others) == threads.MOST

    others = own_threads()
    run_async(main)


def test_context_variables_of_the_caller_reach_the_record(engine: Engine) -> None:
    tenant: ContextVar[str] = ContextVar("tenant")
    engine.producer = Producer(engine.client, redact=lambda text: f"{tenant.get()}: {text}")

    async def main() -> None:
        tenant.set("blue")
        async with engine.run() as run:
            run.output = "done"

    run_async(main)
    assert engine.completion["output"] == "blue: done"


def test_closing_the_producer_ends_its_threads_and_a_later_run_finds_new_ones(engine: Engine) -> None:
    async def main() -> None:
        others = own_threads()
        async with engine.run():
            made = own_threads() - others
            assert made
            engine.producer.close()
        for thread in made:
            thread.join(30)
            assert not thread.is_alive()
        async with engine.run():
            pass
        engine.producer.close()

    run_async(main)
    assert len(engine.operations) == 4


# -- calls that hold a loop up --


def test_a_direct_call_in_a_running_loop_is_told_once_with_the_cure(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def record() -> None:
        engine.producer.cleanup_executed("s", "r", "delete", True)

    async def main() -> None:
        async with engine.run():
            await asyncio.to_thread(record)
        assert caplog.messages == []
        with engine.run():
            record()
        [message] = caplog.messages
        assert "async with producer.execution(…)" in message
        assert "spool=…" in message

    record()
    run_async(main)
    assert len(caplog.messages) == 1


def test_a_call_that_does_not_wait_for_the_server_is_nothing_to_tell_of(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        with Producer(engine.client, buffer=10) as producer:
            producer.cleanup_executed("s", "r", "delete", True)

    run_async(main)
    assert caplog.messages == []


# -- the decorator --


def test_a_tracked_function_is_a_run_and_otherwise_what_it_was(engine: Engine) -> None:
    @engine.producer.tracked("backup", source="cron:nightly")
    def back_up(where: str, *, level: int = 1) -> str:
        """Back up."""
        return f"{where}/{level}"

    assert back_up("disk", level=2) == "disk/2"
    assert (back_up.__name__, back_up.__doc__) == ("back_up", "Back up.")
    assert engine.completion["success"] is True
    assert engine.operations[0]["execution_type"] == "task"


def test_each_call_is_a_run_of_its_own(engine: Engine) -> None:
    @engine.producer.tracked("backup", source="manual")
    def countdown(count: int) -> None:
        if count:
            countdown(count - 1)

    countdown(2)
    assert len({operation["execution_id"] for operation in engine.operations}) == 3


def test_what_a_tracked_function_raises_goes_on(engine: Engine) -> None:
    @engine.producer.tracked("backup", source="manual")
    def back_up() -> None:
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        back_up()
    assert engine.completion["error"] == "ValueError: bad"


def test_a_tracked_function_is_not_called_when_its_start_cannot_be_recorded(engine: Engine) -> None:
    @engine.producer.tracked("backup", source="manual")
    def back_up() -> None:
        raise AssertionError("called")

    engine.away()
    with pytest.raises(WalUnavailable):
        back_up()


def test_told_to_log_a_tracked_function_is_called_all_the_same(engine: Engine) -> None:
    engine.away()
    assert engine.producer.tracked("backup", source="manual", on_unavailable="log")(lambda: 5)() == 5


async def coroutine(value: int) -> int:
    await asyncio.sleep(0)
    return value


class AsyncCallable:
    async def __call__(self, value: int) -> int:
        return await coroutine(value)


class AsyncMethod:
    async def method(self, value: int) -> int:
        return await coroutine(value)


@pytest.mark.parametrize(
    "function",
    [coroutine, functools.partial(coroutine), AsyncCallable(), AsyncMethod().method],
    ids=["function", "partial", "callable object", "bound method"],
)
def test_a_tracked_coroutine_is_a_run_until_it_is_done(
    engine: Engine, function: Callable[[int], Awaitable[int]]
) -> None:
    tracked = engine.producer.tracked("backup", source="manual")(function)

    async def main() -> None:
        awaitable = tracked(5)
        assert engine.operations == []
        assert await awaitable == 5

    run_async(main)
    assert engine.completion["success"] is True


@pytest.mark.parametrize("order", ["tracked first", "tracked last"])
def test_methods_of_each_kind_can_be_tracked(engine: Engine, order: str) -> None:
    tracked = engine.producer.tracked("backup", source="manual")

    class Job:
        @tracked
        def method(self) -> str:
            return type(self).__name__

        if order == "tracked first":

            @classmethod
            @tracked
            def of_class(cls) -> str:
                return cls.__name__

            @staticmethod
            @tracked
            def static(value: str) -> str:
                return value
        else:

            @tracked
            @classmethod
            def of_class(cls) -> str:
                return cls.__name__

            @tracked
            @staticmethod
            def static(value: str) -> str:
                return value

    assert (Job().method(), Job().of_class(), Job.of_class(), Job().static("x")) == ("Job", "Job", "Job", "x")
    assert len(engine.operations) == 8


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


class GeneratorCallable:
    def __call__(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize(
    "function",
    [generator, async_generator, functools.partial(generator), GeneratorCallable(), staticmethod(generator)],
    ids=["generator", "async generator", "partial", "callable object", "static method"],
)
def test_a_generator_is_refused_when_it_is_decorated(engine: Engine, function: Any) -> None:
    with pytest.raises(TypeError, match=r"use `with producer.execution\(…\)` inside it"):
        engine.producer.tracked("backup", source="manual")(function)


@pytest.mark.parametrize("thing", [property(len), int, 5, None], ids=lambda thing: type(thing).__name__)
def test_what_is_no_function_is_refused_when_it_is_decorated(engine: Engine, thing: Any) -> None:
    with pytest.raises(TypeError, match="expected a function"):
        engine.producer.tracked("backup", source="manual")(thing)
