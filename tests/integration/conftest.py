from __future__ import annotations

import pytest
import redis

from tests.support.projection import Log
from tests.support.servers import Server


@pytest.fixture
def log(shared_server: Server, client: redis.Redis, namespace: str) -> Log:
    """A fresh namespace on the shared server."""
    return Log(client, shared_server.url, namespace)
