"""Fifty open pages beside a thousand operations a second: what they cost this machine, the server, the projector."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import redis

from tests.support.commands import PROJECTOR, environment
from tests.support.projection import Log, completed, started
from tests.support.servers import Server, die_with_parent, eventually
from tests.support.serving import PATIENCE, WebProcess, web

pytestmark = pytest.mark.server

PAGES, SECONDS, RATE = 50, 20.0, 1000
FIRST_SECONDS = 80.0
"""A page that has just begun, on a busy machine, has its pulse after a minute at most."""
MOST_OF_A_CORE = 0.25
MOST_COMMANDS = 2000
"""A second, of all pages together."""
PATHS = (
    "",
    "actions",
    "runs",
    "failures",
    "failures?grouped=true",
    "in-flight",
    "cleanups",
    "log",
    "action?id=a7",
    "health",
)


def urls() -> list[str]:
    """Fifty different ones."""
    return [
        f"{path}{'&' if '?' in path else '?'}n={number}" for number in range(PAGES // len(PATHS)) for path in PATHS
    ]


class Reader:
    """Pages that look again whenever their stream tells of a change, as a browser's script does."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.changes = self.fetched = 0
        self.closing = False

    async def read(self) -> None:
        """Until `closing`, and each page is told of one more change: a page that were cancelled might leave a
        connection open."""
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=self._base, timeout=PATIENCE, limits=limits) as client:
            await asyncio.gather(*[self._page(client, url) for url in urls()])

    async def _page(self, client: httpx.AsyncClient, url: str) -> None:
        await self._fetch(client, url)
        async with client.stream("GET", "live", timeout=None) as stream:
            async for line in stream.aiter_lines():
                if self.closing:
                    return
                if line == "event: changed":
                    self.changes += 1
                    await self._fetch(client, url)

    async def _fetch(self, client: httpx.AsyncClient, url: str) -> None:
        answer = await client.get(url, headers={"X-Live": "1"})
        assert answer.status_code == 200, answer.text
        self.fetched += 1


_RECORDING = """
import sys, time
import redis
port, key, rate, texts = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
client = redis.Redis(port=port)
begun, sent = time.monotonic(), 0
while True:
    due = int((time.monotonic() - begun) * rate)
    pipeline = client.pipeline(transaction=False)
    for number in range(sent, min(due, sent + rate)):
        pipeline.execute_command("XADD", key, "*", "op", texts[number % len(texts)])
    pipeline.execute()
    sent = min(due, sent + rate)
    time.sleep(0.05)
"""


@contextmanager
def recording(server: Server, log: Log) -> Iterator[None]:
    """A thousand operations a second, and a projector for them."""
    now = int(time.time() * 1000)
    texts = []
    for number in range(40):
        texts += [started(f"a{number}", f"r{number}", started_at=now)]
        texts += [completed(f"a{number}", number % 9 != 0, f"r{number}", error="exit status 3", completed_at=now)]
    commands = [
        [sys.executable, "-c", _RECORDING, str(server.port), log.key("wal"), str(RATE), *texts],
        [*PROJECTOR, "run", "--url", server.url, "--namespace", log.namespace],
    ]
    running = [
        subprocess.Popen(
            command,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        for command in commands
    ]
    try:
        yield
        assert [each.poll() for each in running] == [None, None]
    finally:
        for each in running:
            each.kill()
            each.wait()


def calls_of(client: redis.Redis) -> int:
    """What the server was asked by those who read: neither by who records nor by who projects."""
    read = ("hgetall", "hmget", "hvals", "lrange", "zrange", "zrevrange", "eval_ro", "exists", "type", "get", "scan")
    found = client.info("commandstats")
    return sum(found[f"cmdstat_{name}"]["calls"] for name in read if f"cmdstat_{name}" in found)


@pytest.mark.timeout(240)
def test_fifty_open_pages_take_at_most_a_quarter_of_a_core_and_cost_the_projector_nothing(
    own_server: Server, namespace: str
) -> None:
    """What comes before the first change is left out: every page is made for the first time then."""
    with own_server.client() as client, web("--url", own_server.url, "--namespace", namespace) as served:
        log = Log(client, own_server.url, namespace)
        with recording(own_server, log):
            log.wait_for_entries(RATE)
            figures = asyncio.run(measured(Reader(served.address), served, client))
            eventually(lambda: lag_of(log) < 5 * RATE, what="a projector that keeps up")
    told = json.dumps(figures)
    assert figures["share"] <= MOST_OF_A_CORE, told
    assert figures["commands"] <= MOST_COMMANDS, told


async def measured(reader: Reader, served: WebProcess, client: redis.Redis) -> dict[str, float]:
    """What the pages take a second."""
    reading = asyncio.create_task(reader.read())
    async with asyncio.timeout(FIRST_SECONDS):
        while reader.changes < PAGES and not reading.done():  # they are live
            await asyncio.sleep(0.05)
    begun, cpu, calls = time.monotonic(), served.cpu_seconds(), calls_of(client)
    await asyncio.wait([reading], timeout=SECONDS)
    elapsed = time.monotonic() - begun
    figures = {
        "share": (served.cpu_seconds() - cpu) / elapsed,
        "commands": (calls_of(client) - calls) / elapsed,
        "fetched": reader.fetched,
        "changes": reader.changes,
    }
    reader.closing = True
    await reading
    return figures


def lag_of(log: Log) -> int:
    return int(log.client.xlen(log.key("wal"))) - log.entries()
