"""Runs whose producer fell silent, on real servers: which are presumed dead, when, and how often."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from projector.bounds import Bounds
from projector.commit.carrier import COMMIT_SCRIPTS
from projector.commit.link import Link
from projector.keys import Keys
from projector.worker.batch_size import BatchSize
from projector.worker.lease import ACQUIRE, RELEASE, Lease, acquire, release
from projector.worker.orphans import ORPHAN, SILENCE
from projector.worker.projector import Projector
from projector.worker.session import INSPECT, Session
from tests.support.commands import PRODUCER, environment_of
from tests.support.projecting import assert_right_in_the_end, running
from tests.support.projection import Log, completed, started
from tests.support.servers import Server, die_with_parent, eventually
from tests.support.silence import BY, HEARTBEAT, beat, begin, looked_at_again, orphaned, wait_for_orphans

pytestmark = pytest.mark.server


@pytest.fixture
def projector(log: Log) -> Projector:
    return log.projector(heartbeat_ttl=HEARTBEAT)


def test_a_run_whose_producer_is_silent_is_presumed_dead_once(log: Log, projector: Projector) -> None:
    begin(log)
    with looked_at_again(log, projector):
        wait_for_orphans(log)
    (first, _witness) = orphaned(log)
    assert first["action_id"] == "a"
    assert first["execution_id"] == "r1"
    assert first["reason"] == f"no heartbeat of its producer, {BY}"
    assert abs(first["orphaned_at"] - time.time() * 1000) < 60_000
    assert log.totals()["orphaned"] == 2
    assert log.checkpoint("duplicates") == "0"
    assert_right_in_the_end(log)


def test_the_entry_has_neither_producer_nor_number(log: Log, projector: Projector) -> None:
    begin(log)
    with running(projector):
        wait_for_orphans(log)
    entries: Any = log.client.xrevrange(log.key("wal"), count=1)
    assert list(entries[0][1]) == [b"op"]


@pytest.mark.parametrize(
    ("what", "entry"),
    [
        ("started by hand", (started("a", "r1"), "by", BY, "seq", 1)),
        ("heartbeats denied", (started("a", "r1", heartbeats=False), "by", BY, "seq", 1)),
        ("without a producer", (started("a", "r1", heartbeats=True),)),
        ("without a name", (started("a", heartbeats=True), "by", BY, "seq", 1)),
    ],
)
def test_a_run_that_promised_no_heartbeats_is_never_presumed_dead(
    log: Log, projector: Projector, what: str, entry: tuple[str, ...]
) -> None:
    log.add(*entry)
    with looked_at_again(log, projector):
        log.wait_for_entries(1)
    assert len(orphaned(log)) == 1, what  # the witness
    assert log.client.hlen(log.key("in_flight")) == 1


def test_a_run_whose_producer_beats_is_not_presumed_dead_until_it_stops(log: Log, projector: Projector) -> None:
    beat(log)
    begin(log)
    with looked_at_again(log, projector):
        log.wait_for_entries(1)
    assert len(orphaned(log)) == 1
    log.client.delete(log.key(f"heartbeat:{BY}"))
    with running(log.projector(heartbeat_ttl=HEARTBEAT)):
        wait_for_orphans(log, 2)


def test_what_completes_after_all_is_an_ordinary_completion(log: Log, projector: Projector) -> None:
    begin(log)
    with running(projector):
        wait_for_orphans(log)
        log.add(completed("a", execution_id="r1"), "by", BY, "seq", 2)
        eventually(lambda: log.totals()["total_executions"] == 1)
    assert log.totals() == {
        **dict.fromkeys(("total_executions", "successes"), 1),
        **dict.fromkeys(("failures", "orphaned", "cleanups", "cleanup_failures"), 0),
    }
    assert log.client.hlen(log.key("orphans")) == 0
    assert log.records("executions")[0]["source"] == "manual"
    assert_right_in_the_end(log)


def test_a_run_that_has_ended_in_the_log_already_is_left_alone(log: Log, projector: Projector) -> None:
    begin(log)
    log.drain()
    log.add(completed("a", execution_id="r1"), "by", BY, "seq", 2)
    with looked_at_again(log, projector):
        log.wait_for_entries(2)
    assert "r1" not in [operation["execution_id"] for operation in orphaned(log)]
    assert len(orphaned(log)) == 1


def test_of_two_projectors_one_says_it_once(log: Log) -> None:
    for number in range(50):
        begin(log, f"r{number}", seq=number + 1)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(running(log.projector(heartbeat_ttl=HEARTBEAT)))
        wait_for_orphans(log, 50)
    assert sorted(operation["execution_id"] for operation in orphaned(log)) == sorted(f"r{n}" for n in range(50))
    assert log.totals()["orphaned"] == 50
    assert_right_in_the_end(log)


def test_more_runs_than_one_look_takes_in_are_each_presumed_dead_once(log: Log, projector: Projector) -> None:
    pipeline = log.client.pipeline(transaction=False)
    for number in range(2500):
        operation = started("a", f"r{number}", heartbeats=True)
        pipeline.execute_command(
            "XADD", log.key("wal"), "*", "op", operation, "by", f"w{number % 3}", "seq", 1 + number // 3
        )
    pipeline.execute()
    with running(projector):
        wait_for_orphans(log, 2500)
    assert len(orphaned(log)) == 2500
    assert log.totals()["orphaned"] == 2500


def test_a_record_that_is_none_stops_the_projector(log: Log, projector: Projector) -> None:
    begin(log)
    log.drain()
    log.client.hset(log.key("in_flight"), "a#r1", b'{"heartbeats":true}')
    with pytest.raises(Exception, match=r"in_flight, field 'a#r1'.*projector rebuild"):
        projector.run()


def test_a_bad_life_of_heartbeats_is_refused(log: Log) -> None:
    with pytest.raises(ValueError, match="heartbeat_ttl"):
        log.projector(heartbeat_ttl=0)


# -- engines --

ENGINE = """
import sys
from producer import Producer
way = {"direct": {}, "spooled": {"spool": sys.argv[5]}, "buffered": {"buffer": 10}}[sys.argv[4]]
with Producer(sys.argv[1], sys.argv[2], heartbeat_ttl=float(sys.argv[3]), **way) as producer:
    with producer.execution("a", source="manual", execution_id="r1"):
        print("runs", flush=True)
        sys.stdin.readline()
"""
WAYS = ["direct", "spooled", "buffered"]


class Engine:
    """A process with a run open, until it is told to end it."""

    def __init__(self, log: Log, directory: Path, *, way: str = "direct", heartbeat: float = HEARTBEAT) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ENGINE, log.url, log.namespace, str(heartbeat), way, str(directory / "spool")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=die_with_parent,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"runs\n"

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end_run(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize("way", WAYS)
def test_the_run_of_an_engine_that_was_killed_is_presumed_dead_once_also_by_two_projectors(
    log: Log, tmp_path: Path, way: str
) -> None:
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(running(log.projector(heartbeat_ttl=HEARTBEAT)))
        with closing(Engine(log, tmp_path, way=way)) as engine:
            log.wait_for_entries(1)
            engine.signal(signal.SIGKILL)
            wait_for_orphans(log)
    assert [operation["execution_id"] for operation in orphaned(log)] == ["r1"]
    assert log.totals()["orphaned"] == 1
    assert_right_in_the_end(log)


def is_fresh(log: Log, key: bytes | str, life: float) -> bool:
    """Whether the heartbeat `key` was renewed in the last tenth of its life."""
    return log.client.pttl(key) > life * 900


def test_an_engine_that_stands_still_for_less_than_a_heartbeat_lives_is_not_presumed_dead(
    log: Log, tmp_path: Path
) -> None:
    life = 6.0
    with (
        closing(Engine(log, tmp_path, heartbeat=life)) as engine,
        looked_at_again(log, log.projector(heartbeat_ttl=1.0)),
    ):
        log.wait_for_entries(1)
        for _ in range(3):
            engine.signal(signal.SIGSTOP)
            time.sleep(life / 3)  # it stands still; and then it goes on, which it must be seen to do
            engine.signal(signal.SIGCONT)
            (key,) = log.client.keys(log.key("heartbeat:*"))
            eventually(partial(is_fresh, log, key, life), what="a beat after it went on")
        engine.end_run()
        eventually(lambda: log.totals().get("successes") == 1)
    assert "r1" not in [operation["execution_id"] for operation in orphaned(log)]
    assert log.totals()["orphaned"] == 1  # the witness


@pytest.mark.parametrize("way", WAYS)
def test_an_engine_that_comes_back_late_is_counted_right(log: Log, tmp_path: Path, way: str) -> None:
    with running(log.projector(heartbeat_ttl=HEARTBEAT)), closing(Engine(log, tmp_path, way=way)) as engine:
        log.wait_for_entries(1)
        engine.signal(signal.SIGSTOP)
        wait_for_orphans(log)
        engine.end_run()
        engine.signal(signal.SIGCONT)
        eventually(lambda: log.totals()["total_executions"] == 1)
        assert engine.process.wait(30) == 0
    assert log.totals()["successes"] == 1
    assert log.totals()["orphaned"] == 0
    assert (log.client.hlen(log.key("orphans")), log.client.hlen(log.key("in_flight"))) == (0, 0)
    assert log.checkpoint("missing") == "0"
    assert_right_in_the_end(log)


def test_a_command_whose_producer_run_was_killed_is_presumed_dead(log: Log, tmp_path: Path) -> None:
    environ = environment_of(log.url, log.namespace, XDG_STATE_HOME=str(tmp_path))
    begun = tmp_path / "begun"
    command = [PRODUCER, "run", "--action", "a", "--", "sh", "-c", f"touch {begun}; exec sleep 3600"]
    with running(log.projector(heartbeat_ttl=HEARTBEAT)):
        process = subprocess.Popen(command, env=environ, preexec_fn=die_with_parent, start_new_session=True)
        try:
            log.wait_for_entries(1)
            eventually(begun.exists, what="the command that is run")
            eventually(lambda: log.client.keys(log.key("heartbeat:*")), what="a heartbeat of producer run")
            (key,) = log.client.keys(log.key("heartbeat:*"))
            process.kill()
            process.wait()
            log.client.delete(key)  # as 60 s would
            wait_for_orphans(log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


LEAVING = """
import sys, threading
from producer import Producer
way = {"direct": {}, "spooled": {"spool": sys.argv[4]}, "buffered": {"buffer": 10}}[sys.argv[3]]
producer = Producer(sys.argv[1], sys.argv[2], **way)
def work(entered):
    with producer.execution("a", source="manual", execution_id="r1") as run:
        run.output = "so far"
        entered.set()
        threading.Event().wait()
entered = threading.Event()
threading.Thread(target=work, args=[entered], daemon=True).start()
entered.wait()
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_is_open_at_a_clean_exit_has_failed(log: Log, tmp_path: Path, way: str) -> None:
    subprocess.run(
        [sys.executable, "-c", LEAVING, log.url, log.namespace, way, str(tmp_path / "spool")], check=True, timeout=60
    )
    log.drain()
    (record,) = log.records("failures")
    assert (record["error"], record["execution_id"]) == ("producer exited", "r1")
    assert log.client.hlen(log.key("in_flight")) == 0


# -- a session whose clock stands still until it is moved; a heartbeat lives for 60 s --


class Driven:
    """An active projector's session, driven step by step."""

    def __init__(self, log: Log) -> None:
        self.now = 1000.0
        self.keys = Keys(log.namespace)
        self.link = Link(log.client, self.keys.wal, (ACQUIRE, RELEASE, INSPECT, *COMMIT_SCRIPTS, SILENCE, ORPHAN))
        lease = acquire(self.link, self.keys, ttl_ms=60_000, previous=None)
        assert isinstance(lease, Lease)
        self.lease = lease
        self.session = Session(self.link, self.keys, Bounds(), lease, BatchSize(), monotonic=lambda: self.now)
        self.session.begin()

    def until(self, seconds: float, *, folding: bool = True) -> None:
        """Let time pass until so many seconds after the beginning, with a look every few seconds."""
        while self.now < 1000.0 + seconds:
            self.now = min(self.now + 2.5, 1000.0 + seconds)
            if folding:
                self.fold()
            else:
                self.session._orphans.look()
                self.link.settle()

    def fold(self) -> None:
        while self.session.step(wait=False):
            pass
        self.session.finish()

    def end(self) -> None:
        release(self.link, self.keys, self.lease)
        self.link.close()


@pytest.fixture
def driven(log: Log) -> Iterator[Driven]:
    session = Driven(log)
    yield session
    session.end()


def test_nobody_is_presumed_dead_before_we_were_connected_for_as_long_as_a_heartbeat_lives(
    log: Log, driven: Driven
) -> None:
    begin(log)
    driven.until(59.9)
    assert orphaned(log) == []
    driven.until(62.5)
    assert len(orphaned(log)) == 1


def test_a_new_session_waits_anew(log: Log) -> None:
    begin(log)
    first = Driven(log)
    first.until(59)
    first.end()
    second = Driven(log)
    second.until(59)
    assert orphaned(log) == []
    second.until(65)
    second.end()
    assert len(orphaned(log)) == 1


def test_a_silence_shorter_than_a_pause_between_two_beats_is_no_death(log: Log, driven: Driven) -> None:
    """As after the sleep of a whole machine: every heartbeat is gone at once, and soon they are back."""
    begin(log)
    beat(log)
    driven.until(100)
    log.client.delete(log.key(f"heartbeat:{BY}"))
    driven.until(110)
    beat(log)
    driven.until(120)
    log.client.delete(log.key(f"heartbeat:{BY}"))
    driven.until(130)
    assert orphaned(log) == []
    driven.until(137.5)
    assert len(orphaned(log)) == 1


def test_a_start_of_a_silent_producer_breaks_its_silence(log: Log, driven: Driven) -> None:
    begin(log)
    driven.until(59)
    begin(log, "r2", seq=2)
    driven.until(70)
    assert orphaned(log) == []
    driven.until(77)
    assert sorted(operation["execution_id"] for operation in orphaned(log)) == ["r1", "r2"]


def test_what_stood_in_the_log_when_the_silence_was_found_is_folded_first(log: Log, driven: Driven) -> None:
    begin(log)
    driven.fold()
    log.add(completed("a", execution_id="r1"), "by", BY, "seq", 2)
    driven.until(200, folding=False)
    assert orphaned(log) == []
    driven.until(300)
    assert orphaned(log) == []
    assert log.totals()["total_executions"] == 1


def test_with_memory_full_nobody_is_presumed_dead_since_nobody_can_beat(own_server: Server) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        begin(log)
        begin(log, "other", by="other")
        driven = Driven(log)
        driven.until(55)
        client.config_set("maxmemory", "1")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            beat(log)
        driven.until(200)
        client.config_set("maxmemory", "0")
        driven.until(210)
        assert orphaned(log) == []
        beat(log)
        driven.until(220)
        driven.end()
        assert [operation["execution_id"] for operation in orphaned(log)] == ["other"]


def test_with_memory_full_at_the_last_moment_nothing_is_appended_and_the_session_lives(own_server: Server) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        begin(log)
        driven = Driven(log)
        driven.fold()
        client.config_set("maxmemory", "1")
        assert driven.link.call(*ORPHAN.command(*presumption(driven, log)))[0] == b"full"
        client.config_set("maxmemory", "0")
        driven.until(62.5)
        driven.end()
        assert len(orphaned(log)) == 1


def presumption(driven: Driven, log: Log, by: str = BY) -> tuple[list[bytes], list[Any]]:
    """Keys and arguments to presume the run r1 dead."""
    raw = log.client.hget(log.key("in_flight"), "a#r1")
    assert raw is not None
    keys = driven.keys
    return [keys.wal, keys.lease, keys.in_flight, keys.heartbeat(by)], [driven.lease.token, b"a#r1", raw, b"{}"]


def test_the_script_appends_only_while_the_lease_is_mine(log: Log, driven: Driven) -> None:
    begin(log)
    driven.fold()
    keys, arguments = presumption(driven, log)
    assert driven.link.call(*ORPHAN.command(keys, ["another", *arguments[1:]]))[0] == b"lease"
    assert driven.link.call(*SILENCE.command([*keys[:2], *keys[3:]], ["another", 1000]))[0] == b"lease"
    assert log.client.xlen(log.key("wal")) == 1


def test_the_script_appends_nothing_for_a_run_that_has_changed_or_whose_producer_is_back(
    log: Log, driven: Driven
) -> None:
    begin(log)
    driven.fold()
    keys, arguments = presumption(driven, log)
    assert driven.link.call(*ORPHAN.command(keys, [*arguments[:2], b"as it was before", b"{}"])) == [b"ok", 0, b""]
    beat(log)
    assert driven.link.call(*ORPHAN.command(keys, arguments)) == [b"ok", 0, b""]
    log.client.delete(log.key(f"heartbeat:{BY}"))
    assert driven.link.call(*ORPHAN.command(keys, arguments))[:2] == [b"ok", 1]
    assert log.client.xlen(log.key("wal")) == 2
