from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.support.projection import Log
from tests.support.proxy import Proxy
from tests.support.servers import Server


@pytest.fixture
def log(shared_server: Server, client: redis.Redis, namespace: str) -> Log:
    """A fresh namespace on the shared server."""
    return Log(client, shared_server.url, namespace)


@pytest.fixture
def proxy(shared_server: Server) -> Iterator[Proxy]:
    with Proxy(shared_server.port) as passing:
        yield passing
