from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
import redis

from tests.support.servers import Server, running


@pytest.fixture(scope="session", autouse=True)
def _state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees, or leaves behind, what waits in the spool of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


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
