"""Trouble in one namespace, which the others do not notice; a server that goes away; namespaces that come later."""

from __future__ import annotations

from pathlib import Path

import pytest

from projector.fleet.fleet import TRY_AGAIN_SECONDS
from projector.fleet.search import SEARCH_SECONDS
from tests.support.commands import projector
from tests.support.fleets import LEASE_SECONDS, crew, held, holder_of, logs_of, wait_for_shares
from tests.support.projecting import assert_right_in_the_end
from tests.support.projection import Log
from tests.support.servers import Server, eventually

pytestmark = [pytest.mark.server, pytest.mark.slow]

LONG = 2 * max(TRY_AGAIN_SECONDS, SEARCH_SECONDS)


def wait_for_entries(log: Log, count: int, *, seconds: float = 30) -> None:
    eventually(lambda: log.entries() >= count, seconds=seconds, what=f"{count} entries of {log.namespace}")


def test_damaged_namespaces_are_told_each_by_itself_and_go_on_when_they_are_repaired(
    own_server: Server, tmp_path: Path
) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        sound, trimmed, typed = logs_of(client, own_server.url, "team", 3)
        trimmed.add_completions(5)
        for log in (trimmed, typed):
            log.drain()
        client.xtrim(trimmed.key("wal"), maxlen=1, approximate=False)
        client.delete(typed.key("totals"))
        client.set(typed.key("totals"), "in the way")
        worker = workers.start("--namespace", "team-*")
        wait_for_entries(sound, 1)
        for log, cure in ((trimmed, "rebuild --accept-loss"), (typed, "rebuild")):
            worker.wait_for(f"ERROR worker: namespace {log.namespace}: ")
            said = next(line for line in worker.said().splitlines() if f": namespace {log.namespace}: " in line)
            assert f"projector {cure}" in said
            assert f"--namespace {log.namespace}" in said
        sound.add_completions(1)
        wait_for_entries(sound, 2)
        assert not client.exists(trimmed.key("lease"), typed.key("lease"))
        where = ("--url", own_server.url, "--namespace")
        assert projector("rebuild", *where, trimmed.namespace, "--accept-loss", "a test").returncode == 0
        assert projector("rebuild", *where, typed.namespace).returncode == 0
        for log in (trimmed, typed):
            before = log.entries()
            log.add_completions(1)
            wait_for_entries(log, before + 1, seconds=LONG)
        assert worker.said().count("ERROR") == 2
        assert worker.end() == 0
        assert "Traceback" not in worker.said()


def test_namespaces_and_partitions_that_come_while_a_worker_runs_are_found(
    own_server: Server, tmp_path: Path
) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        (before,) = logs_of(client, own_server.url, "team", 1)
        client.set("{otters}:partitions", 2)
        worker = workers.start("--namespace", "team-*", "--namespace", "otters", "--namespace", "billing")
        alone = workers.start("--namespace", "single")
        named = [Log(client, own_server.url, name) for name in ("otters.00", "otters.01", "billing")]
        for log in (before, *named):
            log.add_completions(1)
            wait_for_entries(log, 1)
        assert not client.exists("{otters}:wal")

        single = Log(client, own_server.url, "single")
        single.add_completions(1)
        wait_for_entries(single, 1)
        client.set("{otters}:partitions", 3)
        client.set("{single}:partitions", 2)
        new = [Log(client, own_server.url, name) for name in ("otters.02", "team-9", "single.00", "single.01")]
        for log in (*new, single):
            log.add_completions(1)
        for log in new:
            wait_for_entries(log, 1, seconds=LONG)
        wait_for_entries(single, 2)
        alone.wait_for("namespace single has partitions")
        assert holder_of(single) == alone.pid
        assert worker.end() == alone.end() == 0


def test_a_server_that_goes_away_is_waited_for(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        client.config_set("appendfsync", "always")
        logs = logs_of(client, own_server.url, "team", 4)
        started = [workers.start("--namespace", "team-*") for _ in range(2)]
        wait_for_shares(logs, 2, 2)
        own_server.kill()
        for worker in started:
            worker.wait_for("Redis is away")
        own_server.start()
        eventually(lambda: client.ping())
        for log in logs:
            log.add_completions(1)
            wait_for_entries(log, 2, seconds=LONG)
        wait_for_shares(logs, 2, 2)
        assert started[0].said().count("Redis is away") <= len(logs)
        assert [worker.end() for worker in started] == [0, 0]
        for log in logs:
            assert_right_in_the_end(log)


def test_workers_that_are_started_before_the_server_wait_for_it(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "team", 2)
        own_server.stop()
        worker = workers.start("--namespace", "team-*")
        worker.wait_for("namespaces cannot be looked for")
        own_server.start()
        for log in logs:
            wait_for_entries(log, 1, seconds=LONG)
        worker.wait_for("namespaces are looked for again")


def test_a_plain_projector_and_a_fleet_have_one_projector_for_a_namespace(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "team", 2)
        plain = workers.start("--namespace", "team-0")
        plain.wait_for("active in namespace team-0")
        fleet = workers.start("--namespace", "team-*")
        fleet.wait_for("team-0: standing by in namespace team-0")
        wait_for_shares(logs, 1, 1)
        assert plain.end() == 0
        eventually(lambda: set(held(logs)) == {fleet.pid}, what="the fleet to take over")
        assert LEASE_SECONDS < 5
