"""The pages of a process: where they are, and that an address that cannot be had is told in a line."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from typing import Any

import pytest

from projector.errors import ProjectorError
from projector.metrics.address import Address
from projector.metrics.commits import STUCK_SECONDS, Activity
from projector.metrics.pages import serving
from projector.metrics.server import PageServer
from projector.tracing import tracing_to
from projector.web.monitoring import monitoring_routes
from tests.support.extras import lack_of
from tests.support.pages import get
from tests.support.servers import vacant_port

ANY = Address("127.0.0.1", 0)
NOWHERE = f"redis://127.0.0.1:{vacant_port()}/0"


class Clock:
    now = 0.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[PageServer]:
    """Of a projector that reaches no server."""
    activity = Activity(monotonic=lambda: clock.now)
    with serving(ANY, activity, url=NOWHERE, namespaces=["otters", "team"], actions=5) as server:
        yield server


def test_without_a_server_metrics_say_so_and_readiness_says_why(server: PageServer) -> None:
    status, body = get(f"{server.url}/metrics")
    assert status == 200
    samples = [line for line in body.splitlines() if not line.startswith("#")]
    assert samples == ['execution_wal_up{namespace="otters"} 0.0', 'execution_wal_up{namespace="team"} 0.0']
    status, reasons = get(f"{server.url}/readyz")
    assert status == 503
    assert "cannot be reached" in reasons or "refused" in reasons
    assert reasons.count("\n") == 1


def test_a_loop_that_hangs_is_not_alive(server: PageServer, clock: Clock) -> None:
    assert get(f"{server.url}/livez") == (200, "ok\n")
    clock.now = STUCK_SECONDS + 1
    status, reason = get(f"{server.url}/livez")
    assert status == 503
    assert "the projector hangs" in reason


def test_other_pages_are_not_there(server: PageServer) -> None:
    assert get(f"{server.url}/x") == (404, "there are: /metrics /livez /readyz\n")


def test_a_request_for_which_there_is_no_thread_takes_no_place_for_ever(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(ThreadingMixIn, "process_request", refuse)
        for _ in range(50):
            with pytest.raises(RuntimeError):
                server.process_request(None, None)
    assert get(f"{server.url}/livez") == (200, "ok\n")


def test_an_address_that_is_taken_is_told(server: PageServer) -> None:
    taken = Address("127.0.0.1", server.server_address[1])
    with (
        pytest.raises(ProjectorError, match=r"expected an address to listen at, found 127\.0\.0\.1:\d+: .*in use"),
        serving(taken, Activity(), url=NOWHERE, namespaces=["otters"], actions=5),
    ):
        pass


def test_a_missing_package_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    loading = ("prometheus_client", "projector.metrics.exposition", "projector.metrics.families")
    for module in [name for name in sys.modules if name.startswith(loading)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    lack = lack_of("prometheus_client", "metrics")
    with (
        pytest.raises(ProjectorError, match=re.escape(f"--metrics {lack}")),
        serving(ANY, Activity(), url=NOWHERE, namespaces=["otters"], actions=5),
    ):
        pass
    site: Any = None
    (page,) = [route for route in monitoring_routes(site) if route.path == "/metrics"]
    answer = asyncio.run(page.endpoint(None))
    assert (answer.status_code, answer.body.decode()) == (501, f"/metrics {lack}\n")


def test_a_package_that_sends_spans_is_named_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "projector.tracing.collector", raising=False)
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(ProjectorError, match=re.escape(f"--otlp {lack_of('requests', 'metrics')}")):
        tracing_to("http://localhost:4318")


@pytest.mark.parametrize("text", ["9464", "localhost:", ":9464", "localhost:70000", "localhost:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected HOST:PORT such as 127\.0\.0\.1:9464"):
        Address.of(text)


def test_an_address_of_version_six_stands_in_brackets() -> None:
    assert Address.of("[::1]:9464") == Address("::1", 9464)
