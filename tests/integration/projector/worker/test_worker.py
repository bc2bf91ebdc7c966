"""The worker as a process: standing by, taking over, stopping, waiting for a server, memory that is full."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis

from projector.fleet.making import warn_of
from projector.verification import verify
from tests.support.commands import environment_of
from tests.support.projecting import assert_right_in_the_end, running
from tests.support.projection import SHORT_LEASE, Log, completed
from tests.support.servers import Server, die_with_parent, eventually

pytestmark = pytest.mark.server


class Process:
    """`projector run` as an operator starts it."""

    def __init__(self, log: Log, directory: Path, *, lease_ttl: float = SHORT_LEASE) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.log_path = directory / "projector.log"
        with self.log_path.open("wb") as stderr:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "projector", "run", "--url", log.url),
                    *("--namespace", log.namespace, "--lease-ttl", str(lease_ttl)),
                ],
                stderr=stderr,
                preexec_fn=die_with_parent,
            )

    def wait_for(self, text: str) -> None:
        eventually(lambda: text in self.said(), what=f"{text!r} in the log; it says: {self.said()}")

    def said(self) -> str:
        return self.log_path.read_text()

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


@contextmanager
def processes(log: Log, directory: Path, count: int, **options: float) -> Iterator[list[Process]]:
    with ExitStack() as stack:
        started = []
        for number in range(count):
            process = Process(log, directory / str(number), **options)
            stack.callback(process.process.wait)
            stack.callback(process.process.kill)
            started.append(process)
            process.wait_for("standing by" if number else "active in namespace")
        yield started


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_commits_what_was_read_and_frees_the_lease_long_before_its_end(
    log: Log, tmp_path: Path, how: signal.Signals
) -> None:
    with processes(log, tmp_path, 1, lease_ttl=60.0) as (process,):
        log.add_completions(100)
        log.wait_for_entries(100)
        began = time.monotonic()
        assert process.end(how) == 0
        assert time.monotonic() - began < 20  # idle it waits at most half a second: the rest is for busy machines
        assert log.client.get(log.key("lease")) is None
        assert "the lease is free" in process.said()
    assert_right_in_the_end(log)


def test_a_standby_that_is_stopped_does_not_speak_of_a_lease_that_it_never_had(log: Log, tmp_path: Path) -> None:
    with processes(log, tmp_path, 2) as (_active, standby):
        assert standby.end(signal.SIGTERM) == 0
        assert standby.said().endswith(" INFO stopped\n")


def test_a_standby_takes_over_at_once_when_the_active_one_stops(log: Log, tmp_path: Path) -> None:
    with processes(log, tmp_path, 2) as (active, standby):
        log.add_completions(3)
        log.wait_for_entries(3)
        active.end(signal.SIGTERM)
        standby.wait_for("active in namespace")
        log.add_completions(3)
        log.wait_for_entries(6)
    assert_right_in_the_end(log)


def test_a_standby_takes_over_within_the_lease_when_the_active_one_is_killed(log: Log, tmp_path: Path) -> None:
    with processes(log, tmp_path, 2) as (active, standby):
        log.add_completions(3)
        log.wait_for_entries(3)
        active.end(signal.SIGKILL)
        remaining = log.client.pttl(log.key("lease"))
        assert remaining <= SHORT_LEASE * 1000
        log.add_completions(3)
        standby.wait_for("active in namespace")
        log.wait_for_entries(6)
    assert_right_in_the_end(log)


def test_a_zombie_that_wakes_up_does_no_harm(log: Log, tmp_path: Path) -> None:
    with processes(log, tmp_path, 2) as (zombie, standby):
        zombie.process.send_signal(signal.SIGSTOP)
        standby.wait_for("active in namespace")
        log.add_completions(20)
        log.wait_for_entries(20)
        zombie.process.send_signal(signal.SIGCONT)
        zombie.wait_for("standing by")
        log.add_completions(20)
        log.wait_for_entries(40)
    assert_right_in_the_end(log)


def test_a_server_that_is_away_is_waited_for_and_said_once(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        client.config_set("appendfsync", "always")  # everysec may hold back a write while it syncs, and lose it
        with processes(log, tmp_path, 1) as (process,):
            log.add_completions(3)
            log.wait_for_entries(3)
            own_server.kill()
            process.wait_for("Redis is away")
            own_server.start()
            process.wait_for("Redis is back")
            eventually(lambda: client.ping())
            log.add_completions(3)
            log.wait_for_entries(6)
            assert process.said().count("Redis is away") == 1
            assert "Traceback" not in process.said()
        assert_right_in_the_end(log)


def test_what_breaks_the_promise_is_said_once_at_the_start(
    own_server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")
        with processes(log, tmp_path, 1) as (process,):
            for began in ("maxmemory-policy: allkeys-lru: when memory", "append-only-file: off: what was"):
                assert process.said().count(f"WARNING {began}") == 1
            assert process.said().count("WARNING") == 2
        client.execute_command("ACL", "SETUSER", "weak", "on", ">pw", "~*", "+@all", "-info")
        with redis.Redis(port=own_server.port, username="weak", password="pw") as weak:
            warn_of(log.namespace)(weak)  # which may not ask, and is not bothered
        assert not caplog.records
        client.replicaof("127.0.0.1", own_server.port + 1)
        warn_of(log.namespace)(client)
        assert caplog.messages[0].startswith(f"role: a replica of 127.0.0.1:{own_server.port + 1}: nothing can be")


def test_with_memory_full_a_projector_takes_the_lease_commits_and_goes_on(own_server: Server) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        log.add_completions(50)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            log.add_completions(1)
        assert log.drain() == 50  # from nothing: lease, group and projection are all new
        client.config_set("maxmemory", "0")
        log.add_completions(50)
        client.config_set("maxmemory", "1")
        assert log.drain() == 50
        client.config_set("maxmemory", "0")
        with running(log.projector()):
            log.add_completions(5)
            log.wait_for_entries(105)
        assert_right_in_the_end(log)


def test_a_backlog_of_long_texts_fits_through_what_a_server_takes_at_least(own_server: Server) -> None:
    """The server's least limits: a MiB for an argument, a MiB for what it has read and not yet run."""
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        for number in range(3000):
            log.add(completed(f"a{number % 50}", success=False, error="x" * 1500))
        client.config_set("proto-max-bulk-len", "1mb")
        client.config_set("client-query-buffer-limit", "1mb")
        assert log.drain() == 3000  # raises ServerUnavailable as soon as the server closes the connection
        assert log.rebuild().entries == 3000
        assert verify(client, log.namespace).differences == ()


def test_damage_ends_the_process_with_one_line_and_status_1(log: Log, tmp_path: Path) -> None:
    log.add_completions(1)
    log.drain()
    log.client.delete(log.key("checkpoint"))
    process = Process(log, tmp_path)
    assert process.process.wait(30) == 1
    assert process.said().endswith(f"repair it with: projector rebuild --namespace {log.namespace}\n")
    assert "Traceback" not in process.said()


def test_two_projectors_started_together_project_everything_once(log: Log, tmp_path: Path) -> None:
    log.add_completions(5000)
    first, second = Process(log, tmp_path / "a"), Process(log, tmp_path / "b")
    try:
        log.wait_for_entries(5000)
    finally:
        for process in (first, second):
            process.end(signal.SIGTERM)
    assert log.totals()["total_executions"] == 5000
    assert_right_in_the_end(log)


def test_server_and_namespace_can_come_from_the_environment(log: Log) -> None:
    log.add_completions(2)
    environment = environment_of(log.url, log.namespace)
    process = subprocess.Popen(
        [sys.executable, "-m", "projector", "run"], env=environment, preexec_fn=die_with_parent
    )
    try:
        log.wait_for_entries(2)
    finally:
        process.terminate()
    assert process.wait(30) == 0
