"""The pulse: a change is told to all who listen, as often as this process has room for it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from projector.errors import ServerUnavailable
from projector.query import Status
from projector.web.live import Pulse

CHANGED = "event: changed\ndata:\n\n"


class Heart:
    """A pulse whose pauses pass at once on a clock by hand; `cost` is what pages take in a second of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.cost, self.entries, self.looks = 0.0, 0.0, 0, list[float]()
        self.away = False
        self._sleeping: list[tuple[float, int, asyncio.Future[None]]] = []
        self.pulse = Pulse(self._status, cpu=lambda: self.now * self.cost)
        monkeypatch.setattr("projector.web.live.asyncio.sleep", self._sleep)

    async def _status(self) -> Status:
        self.looks.append(self.now)
        if self.away:
            raise ServerUnavailable("no\nanswer")
        standing = {"entries": self.entries, "lag": 0, "lease_holder": "x", "torn": False, "in_flight": 0}
        return cast(Status, SimpleNamespace(**standing))

    async def _sleep(self, seconds: float) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleeping, (self.now + seconds, id(over), over))
        await over

    async def pass_by(self, seconds: float) -> None:
        end = self.now + seconds
        await self._settle()
        while self._sleeping and self._sleeping[0][0] <= end:
            self.now, _, over = heapq.heappop(self._sleeping)
            if not over.done():
                over.set_result(None)
            await self._settle()
        self.now = end

    async def _settle(self) -> None:
        for _ in range(10):
            future = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_result, None)
            await future


class Listening:
    """What a stream has told."""

    def __init__(self, events: AsyncIterator[str]) -> None:
        self.told: list[str] = []
        self.task = asyncio.create_task(self._read(events))

    async def _read(self, events: AsyncIterator[str]) -> None:
        async for event in events:
            self.told.append(event)

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Heart], Awaitable[None]]], None]:
    def running(body: Callable[[Heart], Awaitable[None]]) -> None:
        async def inside() -> None:
            await body(Heart(monkeypatch))

        asyncio.run(inside())

    return running


def test_a_change_is_told_to_all_at_the_next_beat_and_silence_is_not(run: Any) -> None:
    async def body(heart: Heart) -> None:
        listening = [Listening(heart.pulse.events()) for _ in range(3)]
        await heart.pass_by(9)
        assert [each.told for each in listening] == [["retry: 5000\n\n"]] * 3
        heart.entries += 5
        await heart.pass_by(2)
        assert [each.told[1:] for each in listening] == [[CHANGED]] * 3
        assert heart.looks == [0, 2, 4, 6, 8, 10]  # one look for all of them
        await heart.pass_by(8)
        assert listening[0].told[1:] == [CHANGED] * 2  # once more, for a page that was made right before
        for each in listening:
            await each.leave()

    run(body)


def test_a_server_that_is_away_at_the_first_look_is_told(run: Any) -> None:
    """The page may have been made right before it went."""

    async def body(heart: Heart) -> None:
        heart.away = True
        one = Listening(heart.pulse.events())
        await heart.pass_by(1)
        assert one.told[1:] == ["event: away\ndata: no answer\n\n"]
        await one.leave()

    run(body)


def test_the_pauses_grow_with_what_pages_take_of_the_processor_and_end_at_a_minute(run: Any) -> None:
    async def body(heart: Heart) -> None:
        one = Listening(heart.pulse.events())
        heart.cost = 0.11
        await heart.pass_by(8)
        assert heart.looks == [0, 2, 4, 6, 8]
        heart.cost = 0.5
        before = len(heart.looks)
        await heart.pass_by(200)
        pauses = [later - sooner for sooner, later in pairwise(heart.looks[before:])]
        assert pauses == [58] * len(pauses)
        assert len(pauses) == 2
        heart.cost = 0.0
        await heart.pass_by(60)
        before = len(heart.looks)
        await heart.pass_by(10)
        assert len(heart.looks) == before + 5
        await one.leave()

    run(body)


def test_a_server_away_is_told_once_on_one_line_and_so_is_its_return(run: Any) -> None:
    async def body(heart: Heart) -> None:
        one = Listening(heart.pulse.events())
        await heart.pass_by(3)
        heart.away = True
        await heart.pass_by(8)
        assert one.told[1:] == ["event: away\ndata: no answer\n\n"]
        heart.away = False
        await heart.pass_by(2)
        assert one.told[2:] == [CHANGED]
        await one.leave()

    run(body)


def test_nobody_is_asked_while_nobody_listens_and_the_next_listener_is_told_again(run: Any) -> None:
    async def body(heart: Heart) -> None:
        one = Listening(heart.pulse.events())
        await heart.pass_by(2)
        await one.leave()
        await heart.pass_by(10)
        looks = len(heart.looks)
        await heart.pass_by(100)
        assert len(heart.looks) == looks
        other = Listening(heart.pulse.events())
        await heart.pass_by(2)
        heart.entries += 1
        await heart.pass_by(2)
        assert other.told[1:] == [CHANGED]
        await other.leave()

    run(body)


def test_a_change_that_comes_while_a_slow_reader_is_told_of_the_last_one_is_told_too(run: Any) -> None:
    async def body(heart: Heart) -> None:
        events = heart.pulse.events()
        await anext(events)
        await heart.pass_by(1)
        for _ in range(2):
            heart.entries += 1
            following = asyncio.ensure_future(anext(events))
            await heart.pass_by(2)
            assert following.done()
            heart.entries += 1
            await heart.pass_by(2)  # nobody reads
            assert await anext(events) == CHANGED
        await events.aclose()  # type: ignore[attr-defined]

    run(body)


def test_the_end_ends_all_streams_also_those_that_come_late(run: Any) -> None:
    async def body(heart: Heart) -> None:
        listening = [Listening(heart.pulse.events()) for _ in range(2)]
        await heart.pass_by(2)
        await heart.pulse.end()
        await asyncio.wait([each.task for each in listening], timeout=30)
        assert [each.told[-1] for each in listening] == ["event: end\ndata:\n\n"] * 2
        assert [event async for event in heart.pulse.events()] == ["retry: 5000\n\n"]

    run(body)
