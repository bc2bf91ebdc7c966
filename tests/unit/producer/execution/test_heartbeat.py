"""The heartbeat of a producer: which runs promise it, when it beats, and what a clean exit leaves behind."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fakeredis
import orjson
import pytest
import redis
from redis.exceptions import NoPermissionError

from producer import Producer, WalUnavailable
from producer.connection.wire import send_once
from producer.execution import heartbeat
from producer.execution.execution import abandon
from producer.operations import encode_fields
from producer.wal import HEARTBEAT_SECONDS
from tests.support.servers import eventually


class Engine:
    """A producer on a fake server, a clock that stands still until it is moved, and how often it has beaten."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 50.0
        self.server = fakeredis.FakeServer()
        self.client: Any = fakeredis.FakeRedis(server=self.server)
        self.producer = Producer(self.client, timeout=0.05, monotonic=self._monotonic)
        self.beats: list[str] = []
        self.refusal: Exception | None = None
        self.steps: list[str] = []
        self._waited = 0.0
        monkeypatch.setattr("producer.execution.heartbeat.send_once", self._beat)
        delivery: Any = self.producer._delivery
        self.delivery = delivery
        self._record_for_real = delivery.record
        monkeypatch.setattr(delivery, "record", self._record)

    def _monotonic(self) -> float:
        self._waited += 0 if self.server.connected else 0.01  # an attempt takes time
        return self.now + self._waited

    def _beat(self, client: Any, *command: Any, seconds: float) -> Any:
        self.steps.append("beat")
        if self.refusal is not None:
            raise self.refusal
        reply = send_once(client, *command, seconds=seconds)
        self.beats.append(command[1])
        return reply

    def _record(self, *arguments: Any) -> Any:
        self.steps.append("record")
        return self._record_for_real(*arguments)

    @property
    def key(self) -> str:
        return f"{{otters}}:heartbeat:{self.delivery.by}"

    @property
    def operations(self) -> list[dict[str, Any]]:
        return [orjson.loads(fields[b"op"]) for _, fields in self.client.xrange("{otters}:wal")]

    def run(self, **options: Any) -> Any:
        return self.producer.execution("backup", source="cron:nightly", **options)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(monkeypatch)


def heartbeat_of(producer: Producer) -> heartbeat.Heartbeat:
    log: Any = producer._log
    found: heartbeat.Heartbeat = log.heartbeat
    return found


def thread_of(producer: Producer) -> threading.Thread | None:
    return heartbeat_of(producer)._thread


# -- the promise --


def test_a_run_promises_heartbeats_and_the_first_is_there_before_its_start_is_written(engine: Engine) -> None:
    with engine.run() as run:
        assert engine.steps == ["beat", "record"]
        assert engine.key.endswith(f":heartbeat:{run.started.by}")
        assert 0 < engine.client.pttl(engine.key) <= HEARTBEAT_SECONDS * 1000
        assert engine.operations[0]["heartbeats"] is True


def test_a_decorated_function_promises_them_too(engine: Engine) -> None:
    engine.producer.tracked("a", source="manual")(lambda: None)()
    assert engine.operations[0]["heartbeats"] is True


def test_a_start_recorded_by_hand_promises_none_and_nothing_beats(engine: Engine) -> None:
    engine.producer.action_execution_started("a", "manual", "command", execution_id="r")
    assert "heartbeats" not in engine.operations[0]
    assert engine.beats == []


def test_without_the_right_to_beat_nothing_is_promised_and_it_is_said_once(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="producer")
    engine.refusal = NoPermissionError("no permissions to run the 'set' command")
    for _ in range(2):
        with engine.run():
            pass
    assert [operation["type"] for operation in engine.operations] == [
        "action_execution_started",
        "action_execution_completed",
    ] * 2
    assert not any("heartbeats" in operation for operation in engine.operations)
    assert caplog.text.count("no heartbeats") == 1


def test_a_server_that_does_not_answer_is_beaten_for_again_while_the_run_goes_on(engine: Engine) -> None:
    engine.server.connected = False
    with engine.run(on_unavailable="log"):
        assert engine.beats == []
        engine.server.connected = True
        eventually(lambda: engine.client.exists(engine.key), what="a heartbeat after the server came back")


def test_runs_that_start_at_once_while_the_server_is_away_share_an_attempt_to_beat(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt takes its time: one after the other, the last of many runs would wait for minutes."""
    engine.server.connected = False
    beating, count = heartbeat_of(engine.producer), 8
    asked, ended = threading.Semaphore(0), threading.Event()

    def noted() -> float:
        asked.release()
        return engine._monotonic()

    def held_up(*arguments: Any, **options: Any) -> Any:
        assert ended.wait(30)
        return engine._beat(*arguments, **options)

    monkeypatch.setattr(beating, "_monotonic", noted)
    monkeypatch.setattr(heartbeat, "send_once", held_up)
    beating._runs[engine.run()] = None
    with ThreadPoolExecutor(count) as pool:
        attempts = [pool.submit(beating._beat_if_due) for _ in range(count)]
        for _ in range(count + 2):  # each thread wants to beat, and the first has begun its attempt
            assert asked.acquire(timeout=30)
        ended.set()
        for attempt in attempts:
            attempt.result(30)
    assert engine.steps == ["beat"]


def test_a_run_whose_start_could_not_be_recorded_leaves_nothing_open(engine: Engine) -> None:
    engine.server.connected = False
    with pytest.raises(WalUnavailable), engine.run():
        pass
    assert heartbeat_of(engine.producer).runs() == []
    with pytest.raises(ValueError, match="action_id"), engine.producer.execution("", source="manual"):
        pass
    assert heartbeat_of(engine.producer).runs() == []


# -- the right to beat --


@pytest.mark.parametrize(
    "more", [{}, {"command": 'a ,"heartbeats":true', "attempt": 2, "labels": {"heartbeats": ',"heartbeats":true'}}]
)
def test_a_promise_of_heartbeats_stands_in_a_start_once_and_in_nothing_that_quotes_it(more: dict[str, Any]) -> None:
    start = {
        "type": "action_execution_started",
        "action_id": "a",
        "source": "s",
        "execution_type": "command",
        "started_at": 1,
        "execution_id": "r",
        **more,
    }
    raw = encode_fields({**start, "heartbeats": True})
    assert raw.count(heartbeat._PROMISE) == 1
    assert raw.replace(heartbeat._PROMISE, b"") == encode_fields(start)
    quoting = {"type": "cleanup_executed", "scanner_id": raw.decode(), "resource_id": "r", "action": "a"}
    other = encode_fields({**quoting, "success": False, "executed_at": 1, "error": raw.decode()})
    assert heartbeat._PROMISE not in other


@pytest.fixture(params=["spool", "buffer"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return {"spool": tmp_path / "spool"} if request.param == "spool" else {"buffer": 10}


class Guard:
    """A fake server with an account that may beat only while it is `allowed` to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.allowed = True
        self.server = fakeredis.FakeServer()
        self.client: Any = fakeredis.FakeRedis(server=self.server)
        monkeypatch.setattr("producer.execution.heartbeat.send_once", self._beat)

    def _beat(self, client: Any, *command: Any, seconds: float) -> Any:
        if not self.allowed and self.server.connected:
            raise NoPermissionError("no permissions to run the 'set' command")
        return send_once(client, *command, seconds=seconds)

    def starts(self) -> list[dict[str, Any]]:
        found = [orjson.loads(fields[b"op"]) for _, fields in self.client.xrange("{otters}:wal")]
        return [operation for operation in found if operation["type"] == "action_execution_started"]

    def promises(self) -> list[bool]:
        return ["heartbeats" in start for start in self.starts()]


def let_it_beat(producer: Producer) -> None:
    """The next beat is due now, not in ten seconds."""
    beating = heartbeat_of(producer)
    with beating._changed:
        beating._beaten_at -= beating._period
        beating._changed.notify_all()


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    return Guard(monkeypatch)


def test_by_a_spool_or_buffer_nothing_is_promised_without_the_right_to_beat(
    guard: Guard, way: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    guard.allowed = False
    with caplog.at_level(logging.WARNING, "producer"), Producer(guard.client, **way) as producer:
        for _ in range(3):
            with producer.execution("a", source="manual"):
                assert producer.flush(10)
        assert producer.unwatched is not None
        assert "no permissions" in producer.unwatched
    assert guard.promises() == [False] * 3
    assert caplog.text.count("no heartbeats") == 1


def test_a_start_that_waited_for_the_server_promises_nothing_when_that_turns_out_to_refuse_heartbeats(
    guard: Guard, way: dict[str, Any]
) -> None:
    guard.allowed = guard.server.connected = False
    with Producer(guard.client, **way) as producer:
        with producer.execution("a", source="manual"):
            assert not producer.flush(10, attempts=1)
            guard.server.connected = True
            assert producer.flush(10)
            assert guard.promises() == [False]
        assert producer.flush(10)
    assert guard.promises() == [False]


def test_where_heartbeats_get_no_answer_a_start_that_promises_them_waits(
    guard: Guard, way: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(*_: Any, **__: Any) -> None:
        raise redis.TimeoutError("no answer")

    with Producer(guard.client, **way) as producer:
        with monkeypatch.context() as patch:
            patch.setattr("producer.execution.heartbeat.send_once", no_answer)
            run = producer.execution("a", source="manual")
            run.__enter__()
            assert not producer.flush(10, attempts=1)
            assert producer.trouble is not None
            assert guard.starts() == []
        assert producer.flush(10)
        assert guard.promises() == [True]
        run.__exit__(None, None, None)


def test_a_right_that_is_given_back_lets_later_runs_promise_again(guard: Guard, way: dict[str, Any]) -> None:
    guard.allowed = False
    with Producer(guard.client, **way) as producer:
        with producer.execution("a", source="manual"):
            assert producer.flush(10)
            guard.allowed = True
            let_it_beat(producer)
            eventually(lambda: producer.unwatched is None)
        with producer.execution("a", source="manual"):
            assert producer.flush(10)
    assert guard.promises() == [False, True]


def test_a_right_lost_while_a_run_is_open_is_known_to_the_next_start(
    guard: Guard, way: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "producer"), Producer(guard.client, **way) as producer:
        with producer.execution("a", source="manual"):
            assert producer.flush(10)
            guard.allowed = False
            let_it_beat(producer)
            eventually(lambda: producer.unwatched is not None)
        with producer.execution("b", source="manual"):
            assert producer.flush(10)
    assert guard.promises() == [True, False]
    assert caplog.text.count("no heartbeats") == 1


# -- beating --


def test_runs_one_after_the_other_beat_no_more_often_than_one_that_lasts(engine: Engine) -> None:
    for _ in range(50):
        with engine.run():
            pass
        engine.now += 1
    assert len(engine.beats) == 5  # every 10 s, of 50


def test_while_a_run_is_open_the_key_never_dies_and_after_it_the_thread_does() -> None:
    client: Any = fakeredis.FakeRedis()
    ttl = 1.2
    producer = Producer(client, heartbeat_ttl=ttl)
    with producer.execution("a", source="manual") as run:
        assert run.started is not None
        key = f"{{otters}}:heartbeat:{run.started.by}"
        until = time.monotonic() + 2.5 * ttl
        while time.monotonic() < until:
            assert client.exists(key)
            time.sleep(0.01)
        thread = thread_of(producer)
        assert thread is not None
        assert thread.daemon
    eventually(lambda: not thread.is_alive(), what="the thread to end with the last run")
    eventually(lambda: not client.exists(key), what="the key to die")


def test_a_run_after_the_thread_has_ended_has_another(engine: Engine) -> None:
    producer = Producer(engine.client, heartbeat_ttl=0.06)
    for _ in range(2):
        with producer.execution("a", source="manual"):
            assert thread_of(producer) is not None
        eventually(lambda: thread_of(producer) is None)


def test_by_a_buffer_the_start_is_not_held_up_and_the_key_comes_at_once() -> None:
    client: Any = fakeredis.FakeRedis()
    with Producer(client, buffer=10) as producer, producer.execution("a", source="manual") as run:
        assert run.started is not None
        key = f"{{otters}}:heartbeat:{run.started.by}"
        eventually(lambda: client.exists(key))
        eventually(lambda: client.xlen("{otters}:wal") == 1)
        ((_, fields),) = client.xrange("{otters}:wal")
        assert orjson.loads(fields[b"op"])["heartbeats"] is True


def test_by_a_spool_with_the_server_away_the_start_promises_them_all_the_same(tmp_path: Path) -> None:
    server = fakeredis.FakeServer()
    server.connected = False
    client: Any = fakeredis.FakeRedis(server=server)
    with Producer(client, spool=tmp_path) as producer:
        with producer.execution("a", source="manual"):
            server.connected = True
            assert producer.flush(10)
        assert producer.flush(10)
    started, completed = (orjson.loads(fields[b"op"]) for _, fields in client.xrange("{otters}:wal"))
    assert started["heartbeats"] is True
    assert completed["success"] is True


def test_a_producer_that_is_forgotten_leaves_no_thread(engine: Engine) -> None:
    producer = Producer(engine.client, heartbeat_ttl=0.06)
    with producer.execution("a", source="manual"):
        thread = thread_of(producer)
    assert thread is not None
    gone = weakref.ref(producer)
    del producer
    gc.collect()
    assert gone() is None
    eventually(lambda: not thread.is_alive())


# -- the end --


def test_closing_takes_the_heartbeat_away(engine: Engine) -> None:
    with engine.run():
        pass
    assert engine.client.exists(engine.key)
    engine.producer.close()
    eventually(lambda: not engine.client.exists(engine.key), seconds=5)
    assert engine.client.xlen("{otters}:wal") == 2


def test_a_beat_on_its_way_when_the_producer_closes_does_not_outlive_it(monkeypatch: pytest.MonkeyPatch) -> None:
    on_its_way, arrives = threading.Event(), threading.Event()
    lives: list[int] = []

    def send(client: Any, *command: Any, seconds: float) -> Any:
        if threading.current_thread().name == "producer-heartbeat":
            on_its_way.set()
            assert arrives.wait(30)
        lives.append(command[-1])
        return send_once(client, *command, seconds=seconds)

    monkeypatch.setattr("producer.execution.heartbeat.send_once", send)
    producer = Producer(fakeredis.FakeRedis(), heartbeat_ttl=0.6)
    with producer.execution("a", source="manual"):
        assert on_its_way.wait(30)
    closing = threading.Thread(target=producer.close)
    closing.start()
    closing.join(0.2)  # it is given the chance to be first
    arrives.set()
    closing.join(30)
    assert lives == [600, 600, 1]


def test_closing_with_runs_open_records_them_as_failed_once(engine: Engine) -> None:
    first, second = engine.run(), engine.run()
    with first, second:
        first.output = "so far"
        engine.now += 3
        engine.producer.close()
        assert [operation.get("error") for operation in engine.operations] == [None, None, *["producer exited"] * 2]
    assert len(engine.operations) == 4  # the bodies' own ends add nothing
    by_run = {operation["execution_id"]: operation for operation in engine.operations[2:]}
    assert by_run[first.execution_id]["output"] == "so far"
    assert by_run[first.execution_id]["duration_ms"] == 3000
    assert by_run[second.execution_id]["success"] is False
    assert first.completed is not None


def test_closing_with_the_server_away_gives_up_after_the_first(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="producer")
    runs = [engine.run() for _ in range(5)]
    for run in runs:
        run.__enter__()
    engine.steps.clear()
    engine.server.connected = False
    engine.producer.close()
    assert engine.steps.count("record") == 1
    assert "runs stay open" in caplog.text


def test_a_forked_child_beats_for_itself_and_does_not_end_its_parents_runs(engine: Engine) -> None:
    with engine.run():
        parent = engine.key
        child = os.fork()
        if not child:
            try:
                clean = not heartbeat_of(engine.producer).runs() and engine.key != parent
                abandon(heartbeat_of(engine.producer).runs())
            finally:
                os._exit(0 if clean else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(engine.operations) == 1


def test_a_bad_life_of_heartbeats_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="heartbeat_ttl"):
        Producer(engine.client, heartbeat_ttl=0)
