"""Accounts that may append but not beat, on real servers: what lives is not presumed dead, whatever was promised."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from producer import Producer
from tests.support.commands import PRODUCER, environment_of
from tests.support.projection import Log
from tests.support.servers import Server
from tests.support.silence import HEARTBEAT, looked_at_again, orphaned

pytestmark = pytest.mark.server

WAYS = ["direct", "spool", "buffer"]


@pytest.fixture
def log(own_server: Server, namespace: str) -> Iterator[Log]:
    with own_server.client() as client:
        yield Log(client, own_server.url, namespace)


def account(log: Log) -> str:
    """The URL of an account that may append, and not beat."""
    rights = (f"%W~{log.key('wal')}", "+@connection", "-@dangerous", "+xadd")
    log.client.execute_command("ACL", "SETUSER", "engine", "reset", "on", ">pw", *rights)
    return log.url.replace("//", "//engine:pw@")


def producer_by(way: str, url: str, log: Log, path: Path, *, heartbeat: float) -> Producer:
    ways: dict[str, dict[str, Any]] = {"direct": {}, "spool": {"spool": path / "spool"}, "buffer": {"buffer": 10}}
    options = ways[way]
    return Producer(url, log.namespace, heartbeat_ttl=heartbeat, **options)


@pytest.mark.parametrize("way", WAYS)
def test_a_long_run_of_an_account_that_may_not_beat_is_not_presumed_dead(log: Log, tmp_path: Path, way: str) -> None:
    with producer_by(way, account(log), log, tmp_path, heartbeat=HEARTBEAT) as producer:
        with producer.execution("a", source="manual", execution_id="mine") as run:
            assert producer.flush(60)
            with looked_at_again(log, log.projector(heartbeat_ttl=HEARTBEAT)):
                log.wait_for_entries(1)
        assert run.execution_id not in [operation["execution_id"] for operation in orphaned(log)]
    log.drain()
    assert log.totals()["successes"] == 1
    assert log.checkpoint("in_flight_replaced") == "0"


def test_a_command_by_an_account_that_may_not_beat_is_recorded_without_a_promise_and_that_is_said_in_one_line(
    log: Log, tmp_path: Path
) -> None:
    environ = environment_of(account(log), log.namespace, XDG_STATE_HOME=str(tmp_path))
    ended = subprocess.run(
        [PRODUCER, "run", "--action", "a", "--", "sh", "-c", "exit 3"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("producer: a runs without heartbeats, so nobody notices if it is killed: 127.")
    assert ended.stderr.count("\n") == 1
    entries: Any = log.client.xrange(log.key("wal"))
    assert len(entries) == 2
    assert not any(b"heartbeats" in fields[b"op"] for _, fields in entries)
