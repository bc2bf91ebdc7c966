"""Several workers of several namespaces: leases spread out evenly whoever joins, leaves or is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.fleets import crew, held, holder_of, logs_of, wait_for_shares
from tests.support.projecting import assert_right_in_the_end
from tests.support.projection import Log
from tests.support.servers import Server, eventually

pytestmark = [pytest.mark.server, pytest.mark.slow]

COUNT = 10
MOST_SECONDS = 30.0
"""The promise: so long after a change shares are even again."""


def wait_for_entries(logs: list[Log], count: int) -> None:
    for log in logs:
        log.wait_for_entries(count)


def test_leases_spread_when_workers_join_leave_and_are_killed(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "team", COUNT)
        logs += logs_of(client, own_server.url, "other", 1)  # which nobody asked for
        mine = logs[:COUNT]
        first = workers.start("--namespace", "team-*")
        wait_for_shares(mine, 10)
        second = workers.start("--namespace", "team-*")
        wait_for_shares(mine, 5, 5, seconds=MOST_SECONDS)
        third = workers.start("--namespace", "team-*")
        wait_for_shares(mine, 4, 3, 3, seconds=MOST_SECONDS)
        first.wait_for("of 10 namespaces, with 2 other workers")
        for log in mine:
            log.add_completions(1)
        wait_for_entries(mine, 2)

        assert second.end() == 0
        wait_for_shares(mine, 5, 5, seconds=MOST_SECONDS)
        assert third.end(signal.SIGKILL) == -signal.SIGKILL
        for log in mine:
            log.add_completions(1)
        wait_for_shares(mine, 10, seconds=MOST_SECONDS)
        wait_for_entries(mine, 3)
        first.wait_for("serving 10 of 10 namespaces, alone")
        assert first.end() == 0
        assert not held(mine).keys() - {0}
        assert "Traceback" not in first.said() + second.said() + third.said()
        assert logs[-1].entries() == 0
        assert not client.exists("projector:workers")
        for log in mine[:3]:
            assert_right_in_the_end(log)


def test_a_namespace_of_a_killed_worker_waits_for_one_lease_at_most(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "team", 4)
        names = [word for log in logs for word in ("--namespace", log.namespace)]
        started = [workers.start(*names, lease_ttl=5) for _ in range(2)]
        wait_for_shares(logs, 2, 2)
        killed, survivor = started
        theirs = [log for log in logs if holder_of(log) == killed.pid]
        killed.end(signal.SIGKILL)
        began = time.monotonic()
        for log in theirs:
            eventually(lambda log=log: holder_of(log) == survivor.pid, what=f"a projector of {log.namespace}")  # type: ignore[misc]
        assert time.monotonic() - began < 10  # a lease lasts for 5: the rest is for machines that are busy


def test_a_worker_that_is_stopped_and_wakes_up_again_does_no_harm(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "team", 4)
        zombie, other = (workers.start("--namespace", "team-*") for _ in range(2))
        wait_for_shares(logs, 2, 2)
        zombie.process.send_signal(signal.SIGSTOP)
        wait_for_shares(logs, 4)
        for log in logs:
            log.add_completions(1)
        wait_for_entries(logs, 2)
        zombie.process.send_signal(signal.SIGCONT)
        wait_for_shares(logs, 2, 2)
        for log in logs:
            log.add_completions(1)
        wait_for_entries(logs, 3)
        assert zombie.end() == other.end() == 0
        for log in logs:
            assert_right_in_the_end(log)


def test_workers_that_serve_different_namespaces_share_what_both_serve(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "a", 2) + logs_of(client, own_server.url, "b", 2)
        one = workers.start("--namespace", "a-*", "--namespace", "b-*")
        wait_for_shares(logs, 4)
        other = workers.start("--namespace", "b-*", "--namespace", "c-*")
        wait_for_shares(logs, 2, 2)
        assert {holder_of(log) for log in logs[:2]} == {one.pid}
        assert {holder_of(log) for log in logs[2:]} == {other.pid}


def test_without_the_right_to_the_registry_a_worker_serves_all_and_says_so(
    own_server: Server, tmp_path: Path
) -> None:
    with own_server.client() as client:
        logs = logs_of(client, own_server.url, "team", 2)
        client.execute_command("ACL", "SETUSER", "team", "on", ">pw", "+@all", "~{team-*}:*")
        with crew(f"redis://team:pw@127.0.0.1:{own_server.port}/0", tmp_path) as workers:
            first = workers.start("--namespace", "team-*")
            wait_for_shares(logs, 2)
            first.wait_for("no other worker is known")
            second = workers.start("--namespace", "team-*")
            second.wait_for("standing by in namespace team-1")
            first.end(signal.SIGKILL)
            eventually(lambda: {holder_of(log) for log in logs} == {second.pid}, what="the other to take over")
            assert first.said().count("no other worker is known") == 1


def test_several_workers_are_started_on_one_host_and_end_together(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "team", 4)
        parent = workers.start("--namespace", "team-*", "--workers", "2")
        wait_for_shares(logs, 2, 2)
        assert set(held(logs)) == set(parent.children())
        killed = parent.children()[0]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in held(logs), what="the leases of the killed worker to end")
        wait_for_shares(logs, 2, 2)  # it was started again
        parent.wait_for("ended with status -9: it is started again")
        assert parent.end(signal.SIGINT) == 0
        assert not held(logs).keys() - {0}
        assert "Traceback" not in parent.said()


def test_workers_end_when_their_parent_is_killed(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "team", 2)
        parent = workers.start("--namespace", "team-*", "--workers", "2")
        wait_for_shares(logs, 1, 1)
        parent.end(signal.SIGKILL)
        eventually(lambda: set(held(logs)) == {0}, what="the leases to be free")
        eventually(lambda: not client.exists("projector:workers"), what="an empty registry")


def test_a_server_that_refuses_ends_workers_as_it_ends_one(own_server: Server, tmp_path: Path) -> None:
    with crew(f"redis://nobody:secret@127.0.0.1:{own_server.port}/0", tmp_path) as workers:
        for more in ((), ("--workers", "2")):
            refused = workers.start("--namespace", "team-*", *more)
            assert refused.process.wait(60) == os.EX_UNAVAILABLE
            assert "Traceback" not in refused.said()
            assert "secret" not in refused.said()
