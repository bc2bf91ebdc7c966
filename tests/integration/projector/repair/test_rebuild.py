"""The rebuild on a real server: whole or not at all, resumed, beside a projector and readers that go on."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from threading import Thread

import pytest
import redis

from projector import Query
from projector.bounds import Bounds
from projector.cli.display.report import Report
from projector.cli.options import View
from projector.doctor import examine
from projector.errors import ConfigMismatch
from projector.shadow import rebuild
from projector.verification import verify
from tests.support.commands import PROJECTOR, environment_of, run_command
from tests.support.projecting import Hand, running
from tests.support.projection import Log, completed, fill
from tests.support.servers import Server, die_with_parent, eventually

pytestmark = pytest.mark.server


def stray_keys(log: Log) -> list[bytes]:
    return list(log.client.scan_iter(match=f"{{{log.namespace}}}:rebuild:*", count=1000))


def test_a_rebuilt_projection_is_identical_to_the_live_one(log: Log) -> None:
    fill(log)
    log.drain()
    before = log.projection()
    outcome = log.rebuild()
    assert log.projection() == before
    assert (outcome.entries, outcome.lost, outcome.resumed) == (log.entries(), 0, False)
    assert stray_keys(log) == []
    assert log.client.get(log.key("lease")) is None


def test_a_rebuild_projects_what_nobody_has_projected(log: Log) -> None:
    fill(log)
    log.rebuild()
    assert verify(log.client, log.namespace).identical
    assert log.entries() == log.client.xlen(log.key("wal"))
    assert log.drain() == 0


def test_other_bounds_take_effect_by_a_rebuild(log: Log) -> None:
    fill(log)
    log.drain()
    log.bounds = Bounds(max_entries=4)
    with pytest.raises(ConfigMismatch, match=f"projector rebuild --max-entries 4 --namespace {log.namespace}$"):
        log.drain()
    rebuild(log.client, log.namespace, changes={"max_entries": 4})
    assert log.client.llen(log.key("executions")) == 4
    log.add_completions(1)
    assert log.drain() == 1
    log.bounds = None
    log.rebuild()  # keeps the bounds there are
    assert log.client.llen(log.key("executions")) == 4


def test_an_active_projector_stands_by_for_the_swap_and_goes_on(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """The projector that was active, not the one that stands by, and in words that alarm nobody."""
    caplog.set_level(logging.INFO, logger="projector")
    log.add_completions(2500)
    with running(log.projector(lease_ttl=5.0)), running(log.projector(lease_ttl=5.0)):
        log.wait_for_entries(2500)
        for count in range(1, 4):
            log.rebuild()
            log.add_completions(10)
            log.wait_for_entries(2500 + 10 * count)
    assert verify(log.client, log.namespace).identical
    assert log.totals()["total_executions"] == 2530
    assert {record.levelname for record in caplog.records} == {"INFO"}
    assert "a rebuild has taken over namespace" in caplog.text


def test_whoever_asks_during_a_rebuild_hears_of_it(log: Log) -> None:
    log.add_completions(1)
    log.drain()
    log.client.set(log.key("lease"), "rebuild:host:1:ab", px=60_000)
    with Query(log.url, log.namespace) as query:
        report = Report(query.status(), View(), list)
    report.status()
    assert "a rebuild has taken over, until it is done" in report.text()
    assert "a rebuild is under way: until it is done, answers are those of before" in report.text()
    (finding,) = (found for found in examine(log.client, log.namespace, seconds=0) if found.check == "projector")
    assert (finding.severity, finding.found) == ("ok", "a rebuild has taken over, until it is done")


def test_readers_see_the_old_projection_or_the_new_one(log: Log) -> None:
    log.add_completions(3000, "a")
    log.drain()
    seen: set[int] = set()
    stop = False

    def read() -> None:
        with Query(log.url, log.namespace) as query:
            while not stop:
                seen.add(query.totals().total_executions)
                assert len(query.recent_action_executions(1000)) == 1000

    reader = Thread(target=read)
    reader.start()
    try:
        for _ in range(5):
            log.rebuild()
    finally:
        stop = True
        reader.join()
    assert seen == {3000}


def test_a_zombie_with_the_old_bounds_cannot_commit_to_the_rebuilt_projection(log: Log) -> None:
    log.add_completions(5)
    zombie = Hand(log)
    zombie.step()
    log.add(completed("late"))
    zombie.read_ahead()
    rebuild(log.client, log.namespace, changes={"max_entries": 2})
    # Even where both stand at the same entry: the lease tells them apart.
    log.client.hset(log.key("checkpoint"), "last_id", zombie.session.projection.sent_id)
    with pytest.raises(Exception, match="lease"):
        zombie.step()
    assert log.client.llen(log.key("executions")) == 2


def test_a_rebuild_that_was_killed_is_resumed_and_leaves_nothing_behind(own_server: Server) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        for _ in range(30):
            log.add_completions(1000)
        process = subprocess.Popen(
            [sys.executable, "-m", "projector", "rebuild", "--url", log.url],
            stdout=subprocess.PIPE,
            preexec_fn=die_with_parent,
        )
        shadow = "{otters}:rebuild:checkpoint"
        eventually(lambda: int(client.hget(shadow, "entries") or 0) >= 2000, what="the shadow to grow")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert log.projection().keys() >= {shadow}
        client.delete(log.key("lease"))
        outcome = log.rebuild()
        assert outcome.resumed
        assert outcome.entries == 30_000
        assert stray_keys(log) == []
        assert verify(client).identical


def test_a_shadow_that_does_not_fit_is_thrown_away(log: Log) -> None:
    fill(log)
    log.client.hset(log.key("rebuild:checkpoint"), mapping={"last_id": "1-1", "schema": "1"})
    log.client.set(log.key("rebuild:executions:old"), "x")
    assert not log.rebuild().resumed
    assert stray_keys(log) == []
    assert verify(log.client, log.namespace).identical


def test_with_memory_full_a_rebuild_comes_to_its_end(own_server: Server) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        fill(log)
        log.drain()
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("x", "y")
        log.rebuild()
        client.config_set("maxmemory", "0")
        assert verify(client).identical


def test_the_commands_say_what_they_did_and_exit_accordingly(log: Log) -> None:
    fill(log)
    log.drain()
    environment = environment_of(log.url, log.namespace)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command([*PROJECTOR, *arguments], env=environment, text=True)

    assert (done := run("verify")).returncode == 0
    assert done.stdout == f"identical at {log.checkpoint('last_id')}, {log.entries()} entries\n"
    log.client.hset(log.key("totals"), "failures", 999)
    assert (done := run("verify")).returncode == 1
    assert f"{log.key('totals')} failures: expected " in done.stdout
    assert "found 999" in done.stdout
    assert '"identical": false' in run("verify", "--json").stdout
    assert (done := run("rebuild")).returncode == 0
    assert done.stdout.startswith("rebuilt: it stands at ")
    assert run("verify").returncode == 0
