"""What runs, for too long, or is presumed dead, as the commands show what a real projector made of a real log."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.support.commands import projector
from tests.support.projecting import running
from tests.support.projection import Log
from tests.support.silence import HEARTBEAT, begin, wait_for_orphans

pytestmark = pytest.mark.server

HOUR = 3_600_000


@pytest.fixture
def options(log: Log) -> list[str]:
    """A log of which a projector has made: `quick` ran 20 times and runs for an hour and anew; `a` is dead."""
    now = int(time.time() * 1000)
    with log.producer() as producer:
        for _ in range(20):
            producer.action_execution_completed("quick", True, duration_ms=50)
        producer.action_execution_started("quick", "cron:x", "command", execution_id="stuck", at=now - HOUR)
        producer.action_execution_started("quick", "cron:x", "command", execution_id="new", at=now + HOUR)
    begin(log, "killed")
    with running(log.projector(heartbeat_ttl=HEARTBEAT)):
        wait_for_orphans(log)
    return ["--url", log.url, "--namespace", log.namespace]


def answered(*arguments: str) -> Any:
    return json.loads(projector(*arguments, "--json").stdout)


def test_in_flight_shows_what_runs_for_longer_than_usual_and_what_is_presumed_dead(options: list[str]) -> None:
    runs, dead = projector("in-flight", *options).stdout.split("Presumed dead")
    assert [word in runs for word in ("stuck", "new", "killed")] == [True, True, False]
    assert "killed" in dead
    assert runs.count("50 ms") == 2  # the p95

    found = answered("in-flight", *options)
    assert {run["execution_id"]: (run["p95_duration_ms"], run["overdue"]) for run in found} == {
        "stuck": (50, True),
        "new": (50, False),
    }
    assert [run["execution_id"] for run in answered("in-flight", "--orphans", *options)] == ["killed"]


def test_stats_show_them_too(options: list[str]) -> None:
    shown = projector("stats", *options).stdout
    assert "2 running, 1 presumed dead" in shown
    _, _, late = shown.partition("Running for longer than usual")
    late, _, dead = late.partition("Presumed dead")
    assert [word in late for word in ("stuck", "new", "killed")] == [True, False, False]
    assert "killed" in dead
    without_lists = projector("stats", "--limit", "0", *options).stdout
    assert "Presumed dead" not in without_lists
    assert "nothing runs" not in without_lists

    everything = answered("stats", *options)
    assert everything["totals"]["orphaned"] == 1
    assert [(run["execution_id"], run["overdue"]) for run in everything["in_flight"]] == [
        ("new", False),
        ("stuck", True),
    ]
    assert [run["execution_id"] for run in everything["orphans"]] == ["killed"]


def test_stats_of_one_action_show_its_own(options: list[str]) -> None:
    assert "95 % 50 ms" in projector("stats", "quick", *options).stdout
    assert "Presumed dead  1" in projector("stats", "a", *options).stdout
    quick, dead = answered("stats", "quick", *options), answered("stats", "a", *options)
    assert (quick["p95_duration_ms"], quick["total_executions"], len(quick["in_flight"])) == (50, 20, 2)
    assert quick["orphans"] == []
    assert (dead["p95_duration_ms"], dead["orphaned"], len(dead["orphans"])) == (None, 1, 1)
