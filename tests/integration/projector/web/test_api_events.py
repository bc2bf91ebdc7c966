"""The stream of events: what is new, live; it goes on where it ended, and neither loses an entry nor repeats one."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message

from projector.query import AsyncQuery
from projector.search import walk
from projector.web.api import events, feed
from projector.web.api.routes import api_routes
from projector.web.site import Settings, Site
from tests.support.commands import projector
from tests.support.projection import Log, completed, started
from tests.support.servers import Server

pytestmark = pytest.mark.server

WAIT = 30


class Stream:
    """A client of `/api/v1/events`, which reads what is sent, unless it is told to `stop` reading."""

    def __init__(self) -> None:
        self.status = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self.ended = False
        self._text = ""
        self._sent: asyncio.Queue[str | None] = asyncio.Queue()
        self._leaving = asyncio.Event()

    async def open(self, app: ASGIApp, query: str, last: str) -> None:
        headers = [(b"last-event-id", last.encode())] if last else []
        scope = {"type": "http", "method": "GET", "path": "/api/v1/events", "query_string": query.encode()}
        scope |= {"headers": headers, "client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http"}
        await app(scope, self._receive, self._send)
        self._sent.put_nowait(None)

    async def _receive(self) -> Message:
        await self._leaving.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.ended = not message.get("more_body")
            self._sent.put_nowait(message.get("body", b"").decode())

    def leave(self) -> None:
        self._leaving.set()

    async def next(self, kind: str = "entry") -> dict[str, str]:
        """The next event of that kind, its fields by name."""
        while True:
            block = await asyncio.wait_for(self._block(), WAIT)
            found = dict(line.partition(": ")[::2] for line in block.split("\n"))
            if found.get("event", "") == kind:
                return found

    async def until_it_ends(self) -> None:
        while await asyncio.wait_for(self._sent.get(), WAIT) is not None:
            pass

    async def _block(self) -> str:
        while "\n\n" not in self._text:
            more = await self._sent.get()
            assert more is not None, "the stream has ended"
            self._text += more
        block, self._text = self._text.split("\n\n", 1)
        return block


@asynccontextmanager
async def served(log: Log, *namespaces: str) -> AsyncIterator[tuple[Site, Callable[..., Stream]]]:
    site = Site(Settings(url=log.url, namespaces=namespaces or (log.namespace,)))
    app = Starlette(routes=api_routes(site))
    tasks: list[asyncio.Task[None]] = []

    def opened(query: str = "", last: str = "") -> Stream:
        stream = Stream()
        tasks.append(asyncio.create_task(stream.open(app, query, last)))
        return stream

    try:
        yield site, opened
    finally:
        site.ending.set()
        await asyncio.wait_for(asyncio.gather(*tasks), WAIT)
        assert site.streams.count == 0
        await site.close()


@pytest.fixture
def log(shared_server: Server) -> Log:
    made = Log(shared_server.client(), shared_server.url, f"t{secrets.token_hex(6)}")
    made.add(started("before"))
    made.drain()
    return made


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]  # all are coroutines


def test_each_new_entry_comes_live_as_the_log_prints_it(log: Log) -> None:
    async def work() -> None:
        async with served(log) as (_, opened):
            stream = opened("type=completed&failed=true")
            status = json.loads((await stream.next("status"))["data"])
            log.add(started("a"))
            log.add(completed("a", True))
            log.add(b"\xff")
            wanted = log.add(completed("a", False, error="é\nno"))
            event = await stream.next()
            assert stream.status == 200
            assert event["id"] == wanted
            command = ["log", "--jsonl", "--failed", "--type", "completed"]
            printed = projector(*command, "--url", log.url, "--namespace", log.namespace).stdout
            assert event["data"] == printed.rstrip("\n")
            assert status["entries"] == log.entries()
            await asyncio.to_thread(log.drain)
            while json.loads((await stream.next("status"))["data"])["entries"] != log.entries():
                pass

    run(work)


@pytest.mark.parametrize("several", [False, True], ids=["one namespace", "several"])
def test_a_stream_goes_on_where_it_ended_without_loss_or_doubles(log: Log, *, several: bool) -> None:
    other = Log(log.client, log.url, f"{log.namespace}-b")
    logs = [log, other] if several else [log]

    async def work() -> None:
        added: list[str] = []

        def add(count: int) -> None:
            for number in range(count):
                added.append(logs[number % len(logs)].add(completed("a")))

        async with served(log, *(each.namespace for each in logs)) as (_, opened):
            got: list[str] = []
            last = ""
            stream = opened()
            await stream.next("status")
            for _ in range(3):
                add(5)
                for _ in range(3):
                    event = await stream.next()
                    got.append(json.loads(event["data"])["entry_id"])
                    last = event["id"]
                stream.leave()
                await stream.until_it_ends()
                add(2)
                stream = opened(last=last)
            add(1)
            while len(got) < len(added):
                got.append(json.loads((await stream.next())["data"])["entry_id"])
            stream.leave()
            await stream.until_it_ends()
            assert sorted(got) == sorted(added)
            since = opened(f"since={2**50}&action=a")
            assert (await since.next("status"))["data"]

    run(work)


def test_since_asks_for_what_there_is_from_then_on(log: Log) -> None:
    async def work() -> None:
        first, second = log.add(completed("a")), log.add(completed("b"))
        async with served(log) as (_, opened):
            stream = opened("since=1h")
            assert [(await stream.next())["id"] for _ in range(3)][1:] == [first, second]
            third = log.add(completed("c"))
            assert (await stream.next())["id"] == third

    run(work)


def test_a_client_that_falls_behind_reads_in_the_log_and_one_that_reads_nothing_is_left(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_KEPT", 3)
    monkeypatch.setattr(events, "SLOW_SECONDS", 2.0)

    async def work() -> None:
        async with served(log) as (site, opened):
            slow, quick = opened(), opened()
            for stream in (slow, quick):
                await stream.next("status")
            slow.reads.clear()
            log.add_completions(20)
            got = [(await quick.next())["id"] for _ in range(20)]
            slow.reads.set()
            assert [(await slow.next())["id"] for _ in range(20)] == got
            slow.reads.clear()
            log.add_completions(1)
            assert (await quick.next())["id"] > got[-1]
            while site.streams.count > 1:
                await asyncio.sleep(0.02)
            with pytest.raises(TimeoutError):  # to a server, an end without a last piece is an error of ours
                await asyncio.wait_for(slow.until_it_ends(), 0.2)
            slow.leave()
            await slow.until_it_ends()
            assert not slow.ended

    run(work)


def test_a_quiet_stream_shows_that_it_is_alive_and_ends_when_the_server_does(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.1)

    async def work() -> None:
        async with served(log) as (site, opened):
            stream = opened("action=a")
            assert (await stream.next(""))["retry"]
            passed = log.add(started("b"))
            while (await stream.next(""))["id"] != passed:
                pass
            site.ending.set()
            await stream.until_it_ends()
            assert stream.ended

    run(work)


def test_streams_that_read_in_the_log_show_that_they_are_alive_and_few_read_at_a_time(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.05)
    asked = AsyncQuery.log

    class Reading:
        """Finds nothing for long."""

        gone = scanned = now = most = 0

        def __init__(self) -> None:
            self.over = asyncio.Event()

        def __aiter__(self) -> Reading:
            return self

        async def __anext__(self) -> None:
            self.now += 1
            self.most = max(self.most, self.now)
            await self.over.wait()
            self.now -= 1
            raise StopAsyncIteration

    async def work() -> None:
        reading = Reading()
        monkeypatch.setattr(
            AsyncQuery, "log", lambda *given, **more: reading if more.get("reverse") else asked(*given, **more)
        )
        async with served(log) as (_, opened):
            streams = [opened("since=1970-01-01&grep=zzz") for _ in range(4)]
            for stream in streams:
                assert (await stream.next(""))["retry"]
                while "" not in await stream.next(""):  # the comment
                    pass
            reading.over.set()
            log.add(completed("zzz"))
            for stream in streams:
                await stream.next()
            assert reading.most == 2

    run(work)


def test_a_stream_that_reads_in_turns_gets_all(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_TURN_SECONDS", 0.0)
    monkeypatch.setattr(walk, "PAGE", 2)
    wanted = [log.add(completed("a" if number % 4 else "b")) for number in range(12)]

    async def work() -> None:
        async with served(log) as (_, opened):
            stream = opened("since=1h&action=b")
            assert [(await stream.next())["id"] for _ in range(3)] == wanted[::4]
            last = log.add(completed("b"))
            assert (await stream.next())["id"] == last

    run(work)


def test_a_stream_of_several_namespaces_goes_on_in_each_from_where_it_ended(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, asked, made = Log(log.client, log.url, f"{log.namespace}-b"), AsyncQuery.log, list[Any]()

    def keep(*given: Any, **more: Any) -> Any:
        made.append(asked(*given, **more))
        return made[-1]

    async def work() -> None:
        other.add(completed("a"))
        ids = [log.add(completed("a")) for _ in range(20)]
        monkeypatch.setattr(AsyncQuery, "log", keep)
        async with served(log, log.namespace, other.namespace) as (_, opened):
            stream = opened(last=f"{ids[0]};{log.namespace}={ids[-1]}")
            await stream.next("status")
            late = other.add(completed("a"))
            assert json.loads((await stream.next())["data"])["entry_id"] == late
            _, _, reading = made
            assert reading.scanned < 10

    run(work)


def test_what_was_not_foreseen_ends_the_streams_with_a_word_and_the_next_one_begins_anew(
    log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("unforeseen")

    async def work() -> None:
        async with served(log) as (_, opened):
            with monkeypatch.context() as patch:
                patch.setattr(AsyncQuery, "status", fail)
                stream = opened()
                assert "bug" in (await stream.next("away"))["data"]
                await stream.until_it_ends()
            assert "unforeseen" in caplog.text
            again = opened()
            await again.next("status")
            wanted = log.add(completed("a"))
            assert (await again.next())["id"] == wanted

    run(work)


def test_a_feed_whose_first_listener_is_yet_to_come_is_not_forgotten(log: Log) -> None:
    async def work() -> None:
        feeds = feed.Feeds()
        async with AsyncQuery(log.url, log.namespace) as query, AsyncQuery(log.url, "other") as another:
            joining = asyncio.create_task(feeds.of(query).join())
            await asyncio.sleep(0)
            first = feeds.of(query)
            feeds.of(another)
            assert feeds.of(query) is first
            first.leave(await joining)

    run(work)


def test_there_are_only_so_many_streams(log: Log) -> None:
    async def work() -> None:
        async with served(log) as (site, opened):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(site.streams, "_of_a_client", 1)
                stream, refused = opened(), None
                await stream.next("status")
                refused = opened()
                await refused.until_it_ends()
                assert (stream.status, refused.status) == (200, 429)

    run(work)


def test_fifty_streams_ask_the_server_no_more_than_one(log: Log) -> None:
    def commands() -> int:
        info: Any = log.client.info("commandstats")
        return sum(int(each["calls"]) for name, each in info.items() if "xread" in name or "xrange" in name)

    async def work() -> None:
        async with served(log) as (_, opened):
            streams = [opened() for _ in range(50)]
            for stream in streams:
                await stream.next("status")
            before = commands()
            wanted = log.add(completed("a"))
            for stream in streams:
                assert (await stream.next())["id"] == wanted
            assert commands() - before < 40

    run(work)
