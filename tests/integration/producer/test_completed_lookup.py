"""`producer completed` without a duration counts from the start of its run, wherever that is."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from producer import Producer
from producer.cli import lookup
from producer.cli.lookup import StartNotSought, start_of
from producer.connection.words import ACCOUNT, cure_of
from producer.errors import InvalidOperation
from producer.terminal.options import LogAddress
from projector import Projector
from tests.support.commands import PRODUCER, environment_of, run_command
from tests.support.servers import Server
from tests.support.spooling import AWAY, cut_off

pytestmark = pytest.mark.server

NOW = int(time.time() * 1000)


@pytest.fixture
def log(shared_server: Server, namespace: str) -> LogAddress:
    return LogAddress(shared_server.url, namespace)


@pytest.fixture
def engine(shared_server: Server, namespace: str) -> Producer:
    return Producer(shared_server.url, namespace)


def start(producer: Producer, at: int, action: str = "a", execution_id: str | None = None) -> None:
    producer.action_execution_started(action, "manual", "command", execution_id=execution_id, at=at)


def end(producer: Producer, action: str = "a", execution_id: str | None = None) -> None:
    producer.action_execution_completed(action, True, duration_ms=1, execution_id=execution_id)


def test_the_newest_start_of_the_very_run_counts(log: LogAddress, engine: Producer, tmp_path: Path) -> None:
    start(engine, NOW - 9)
    start(engine, NOW - 8, "b")
    start(engine, NOW - 7, "a", "e")
    start(engine, NOW - 6)
    assert start_of(("a", None), log, tmp_path) == NOW - 6
    assert start_of(("a", "e"), log, tmp_path) == NOW - 7
    end(engine)
    with pytest.raises(InvalidOperation, match=r"duration_ms: expected --duration-ms, or .*, found no start of 'a'$"):
        start_of(("a", None), log, tmp_path)  # it has ended
    with pytest.raises(InvalidOperation, match="no start of 'a#other'"):
        start_of(("a", "other"), log, tmp_path)


def test_a_start_that_is_far_back_is_found_in_flight_unless_the_log_behind_the_checkpoint_knows_better(
    log: LogAddress, engine: Producer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "_PAGE", 2)
    monkeypatch.setattr(lookup, "_LONGEST_TAIL", 4)
    start(engine, NOW - 9)
    for _ in range(6):
        engine.cleanup_executed("s", "r", "delete", True)
    with pytest.raises(InvalidOperation):
        start_of(("a", None), log, tmp_path)
    Projector(log.url, log.namespace).drain()
    assert start_of(("a", None), log, tmp_path) == NOW - 9
    end(engine)  # not projected yet: what is in flight is out of date
    with pytest.raises(InvalidOperation):
        start_of(("a", None), log, tmp_path)
    start(engine, NOW - 5)
    engine.cleanup_executed("s", "r", "delete", True)
    assert start_of(("a", None), log, tmp_path) == NOW - 5


def test_what_waits_in_the_spool_for_this_log_is_newer_than_what_the_log_has(
    log: LogAddress, engine: Producer, tmp_path: Path
) -> None:
    assert log.url is not None
    start(engine, NOW - 9)
    with cut_off(log.url, "another", tmp_path) as other:
        start(other, NOW - 1)
        other.close(timeout=0)
    assert start_of(("a", None), log, tmp_path) == NOW - 9
    with cut_off(log.url, log.namespace, tmp_path) as waiting:
        start(waiting, NOW - 3)
        waiting.close(timeout=0)
    assert start_of(("a", None), log, tmp_path) == NOW - 3
    assert start_of(("a", None), log, tmp_path) == NOW - 3  # it still waits
    with cut_off(log.url, log.namespace, tmp_path) as waiting:
        end(waiting)
        waiting.close(timeout=0)
    with pytest.raises(InvalidOperation):
        start_of(("a", None), log, tmp_path)


def test_who_may_not_read_or_does_not_reach_the_server_is_told_to_give_the_duration(
    log: LogAddress, client: redis.Redis, shared_server: Server, tmp_path: Path
) -> None:
    writer = f"w{log.namespace}"
    client.execute_command("ACL", "SETUSER", writer, "on", ">pw", "%W~*", "+@connection", "+xadd")
    for url, reason in ((shared_server.url.replace("//", f"//{writer}:pw@"), "permission"), (AWAY, "refused")):
        with pytest.raises(StartNotSought, match=f"--duration-ms.*no start of 'a': 127.0.0.1:.*{reason}") as raised:
            start_of(("a", None), LogAddress(url, log.namespace), tmp_path)
        assert cure_of(str(raised.value)) != ACCOUNT  # it may be the producer's account already


def test_from_a_shell(shared_server: Server, namespace: str, client: redis.Redis, tmp_path: Path) -> None:
    environ = environment_of(shared_server.url, namespace, XDG_STATE_HOME=str(tmp_path))

    def producer(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command([PRODUCER, *arguments], env=environ, text=True)

    assert producer("started", "a", "--at", str(NOW - 5000)).returncode == 0
    assert producer("completed", "a", "--success", "--at", str(NOW)).returncode == 0
    found: Any = client.xrevrange(f"{{{namespace}}}:wal", count=1)
    operation = json.loads(found[0][1][b"op"])
    assert (operation["duration_ms"], operation["completed_at"]) == (5000, NOW)
    again = producer("completed", "a", "--success")
    assert (again.returncode, again.stdout, again.stderr.count("\n")) == (2, "", 1)
    assert "--duration-ms" in again.stderr
    assert client.xlen(f"{{{namespace}}}:wal") == 2
    assert os.listdir(tmp_path / "execution-wal/spool") == []
