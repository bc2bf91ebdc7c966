"""`projector run --metrics`: what a projector and a standby say of themselves, and when the server is away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.commands import projector
from tests.support.fleets import Worker, crew
from tests.support.pages import get
from tests.support.projection import Log
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server


def metrics_of(worker: Worker) -> str:
    """Where they are."""
    worker.wait_for("metrics at ")
    found = re.search(r"metrics at (\S+)/metrics", worker.said())
    assert found
    return found[1]


def value(base: str, name: str) -> float | None:
    for family in text_string_to_metric_families(get(f"{base}/metrics")[1]):
        for sample in family.samples:
            if sample.name == f"execution_wal_{name}" and sample.labels == {"namespace": "otters"}:
                return sample.value
    return None


def test_who_projects_and_who_stands_by_and_what_is_said_without_a_server(own_server: Server, tmp_path: Path) -> None:
    """The one that projects is a process of its own, which tells what it does."""
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        log = Log(client, own_server.url, "otters")
        active = workers.start("--metrics", "127.0.0.1:0", "--workers", "1")
        first = metrics_of(active)
        eventually(lambda: get(f"{first}/readyz") == (200, "ok\n"), what="a projector")
        standby = workers.start("--metrics", "127.0.0.1:0")
        log.add_completions(20)
        log.wait_for_entries(20)
        eventually(lambda: (value(first, "commits_total") or 0) > 0, what="the commits")
        assert value(first, "entries_projected_total") == 20
        assert value(first, "commit_duration_seconds_count") == value(first, "commits_total")

        second = metrics_of(standby)
        standby.wait_for("standing by")
        assert get(f"{second}/readyz") == (200, "ok\n")
        assert (value(first, "active"), value(second, "active")) == (1, 0)
        taken = projector("run", "--url", own_server.url, "--metrics", second.removeprefix("http://"))
        assert taken.returncode == 1
        assert taken.stderr.splitlines()[-1].startswith(
            "projector: metrics: expected an address to listen at, found "
        )

        assert active.end() == 0
        eventually(lambda: value(second, "active") == 1, what="the standby to take over")
        assert value(second, "entries_projected_total") == 20
        log.add_completions(1)
        eventually(lambda: (value(second, "commits_total") or 0) > 0, what="its commits")
        own_server.stop()
        eventually(lambda: value(second, "up") == 0, what="the server to be gone")
        status, reason = get(f"{second}/readyz")
        assert (status, "no projector" in reason) == (503, False)
        assert get(f"{second}/livez") == (200, "ok\n")
        assert standby.end() == 0
