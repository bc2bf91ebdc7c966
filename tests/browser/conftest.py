from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support import browsing
from tests.support.browsing import Tab, served
from tests.support.projection import Log
from tests.support.servers import Server
from tests.support.twins import Twins


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for the package, and none beside it: there is an event loop in this thread while it is open."""
    yield from browsing.chromium()


@pytest.fixture(scope="package")
def twins(shared_server: Server) -> Twins:
    logs = [Log(shared_server.client(), shared_server.url, name) for name in ("tame", "marked")]
    return Twins.filled(*logs, now=int(time.time() * 1000))


@pytest.fixture(scope="package")
def origin(twins: Twins) -> Iterator[str]:
    """Where the twins are shown, and the namespaces many and empty."""
    with served(twins.tame.url, "tame", "marked", "many", "empty") as address:
        yield address


@pytest.fixture
def tab(browser: Browser, origin: str) -> Iterator[Tab]:
    """An empty one, which does nothing in the test that a page may not."""
    made = Tab(browser, origin)
    yield made
    made.close()
    assert made.faults == []
