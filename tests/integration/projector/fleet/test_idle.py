"""What idle namespaces cost: a hundred of them next to nothing, in the worker and on the server."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from projector.bounds import DEFAULT_LEASE_SECONDS
from tests.support.fleets import crew, held, logs_of
from tests.support.projection import completed, started
from tests.support.servers import Server, eventually

pytestmark = [pytest.mark.server, pytest.mark.slow]

COUNT = 100
WATCHED_SECONDS = 10.0


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def commands(client: redis.Redis) -> int:
    told: Any = client.info("stats")
    return int(told["total_commands_processed"])


def rate_of(client: redis.Redis, seconds: float) -> float:
    """Commands a second that the server ran meanwhile."""
    before, began = commands(client), time.monotonic()
    time.sleep(seconds)
    return (commands(client) - before) / (time.monotonic() - began)


def test_a_hundred_idle_namespaces_cost_little(own_server: Server, tmp_path: Path) -> None:
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "team", COUNT)
        for log in logs[::2]:
            log.add(started("a", "hanging"))  # whose producer promised no heartbeats
        worker = workers.start("--namespace", "team-*", lease_ttl=DEFAULT_LEASE_SECONDS)
        eventually(lambda: held(logs)[worker.pid] == COUNT, seconds=60, what="a projector for each")
        eventually(lambda: rate_of(client, 2) < 500, seconds=60, what="them all to doze")
        before, began = processor_seconds(worker.pid), time.monotonic()
        assert rate_of(client, WATCHED_SECONDS) <= 2 * COUNT
        assert (processor_seconds(worker.pid) - before) / (time.monotonic() - began) <= 0.02

        rare = logs[COUNT // 2]
        sent = time.monotonic()
        rare.add(completed("b"))
        eventually(lambda: rare.totals()["total_executions"] == 2, what="an entry to be projected")
        assert time.monotonic() - sent < 1.0  # an entry wakes at once: the next round would begin later
        assert worker.end() == 0
