from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Generator, Iterator

import pytest
import redis
from hypothesis import Phase, find, settings
from hypothesis import strategies as st

from projector.commit import carrier
from tests.support.servers import Server, running

ALLOWED_SKIPS = {
    "only root can leave a file to another user",
    "elsewhere a process cannot change what ps shows of it",
    "there is no /dev/full here",
}
"""The reasons for which a test may be skipped; a test on a real server may not be, for it has tested nothing then."""
ALLOWED_ON_A_SERVER = {"redis-cli is not installed here"}
"""The exception: other tests send the same commands by a client."""
ALLOWED_BUT_IN_CI = {
    "chromium is not installed",
    "AXE_CORE does not name axe.min.js of npm's axe-core",
    "prometheus is not installed",
    "promtool is not installed",
}
"""`.ci/run` installs these, and sets the variable CI."""


def pytest_configure() -> None:
    """A shell's background job ignores these, and so would every program that a test starts."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip whose reason is not listed into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        allowed = ALLOWED_ON_A_SERVER if item.get_closest_marker("server") else ALLOWED_SKIPS
        if reason not in allowed and (reason not in ALLOWED_BUT_IN_CI or "CI" in os.environ):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped: {reason!r} is not allowed here, see tests/conftest.py"
    return report


@pytest.fixture(scope="session", autouse=True)
def _state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees, or leaves behind, what waits in the spool of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _characters_known() -> None:
    """Have hypothesis list the characters of Unicode, which it does when it draws its first text.

    In a fresh checkout the list takes seconds. A test that drew the first text would fail, because hypothesis takes
    the test's own strategy for slow.
    """
    find(st.text(), lambda _: True, settings=settings(database=None, deadline=None, phases=[Phase.generate]))


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that neither stop it nor configure it; each takes a namespace of its own."""
    yield from running(tmp_path_factory.mktemp("server"))


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the test's own, to stop, kill and configure."""
    yield from running(tmp_path_factory.mktemp("server"))


@pytest.fixture
def client(shared_server: Server) -> Iterator[redis.Redis]:
    with shared_server.client() as connected:
        yield connected


@pytest.fixture
def namespace() -> str:
    return f"t{secrets.token_hex(6)}"


@pytest.fixture(params=[-1, 1_000_000], ids=["by transaction", "by script"])
def _either_carrier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Projectors of the test's own process commit by the one carrier, and once more by the other."""
    monkeypatch.setattr(carrier, "_FEW", request.param)
