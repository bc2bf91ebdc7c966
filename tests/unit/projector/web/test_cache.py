"""Answers that are kept for a moment: one reading for all who ask, an old one while a costly one is made anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from projector.web.cache import Cache


class Making:
    """Numbers its answers, each of which takes `seconds` on a clock by hand."""

    def __init__(self) -> None:
        self.now, self.seconds, self.made = 0.0, 0.0, 0
        self.fails = False
        self.cache: Cache[int] = Cache(lambda: self.now)
        self.open = asyncio.Event()
        self.open.set()

    async def make(self) -> int:
        await self.open.wait()
        self.now += self.seconds
        if self.fails:
            raise OSError("away")
        self.made += 1
        return self.made

    async def get(self, key: str = "", **bounds: Any) -> int:
        return await self.cache.get(key, self.make, **bounds)

    async def settle(self) -> None:
        """Let what was begun beside an answer come to its end."""
        for _ in range(5):
            await asyncio.sleep(0)


def run(body: Callable[[Making], Awaitable[Any]]) -> None:
    async def running() -> None:
        await body(Making())

    asyncio.run(running())


def test_many_who_ask_at_once_share_one_answer_though_one_of_them_leaves() -> None:
    async def body(making: Making) -> None:
        making.open.clear()
        asking = [asyncio.create_task(making.get()) for _ in range(50)]
        await making.settle()
        asking[0].cancel()
        making.open.set()
        assert await asyncio.gather(*asking[1:]) == [1] * 49
        assert await making.get() == 1
        assert await making.get("other") == 2

    run(body)


def test_an_answer_is_made_anew_after_its_time_which_is_longer_for_a_costly_one() -> None:
    async def body(making: Making) -> None:
        assert await making.get() == 1
        making.now += 0.49
        assert await making.get() == 1
        making.now += 0.02
        making.seconds = 0.09
        assert await making.get() == 2
        making.now += 0.8
        assert await making.get() == 2  # ten times 0.09 s have not passed
        making.now += 0.11
        assert await making.get() == 3

    run(body)


def test_a_costly_answer_is_given_out_old_while_it_is_made_anew_once() -> None:
    async def body(making: Making) -> None:
        making.seconds = 0.2
        assert await making.get() == 1
        making.now += 2.5
        making.open.clear()
        assert [await making.get() for _ in range(5)] == [1] * 5
        making.open.set()
        await making.settle()
        assert (await making.get(), making.made) == (2, 2)
        making.now += 31
        assert await making.get() == 3  # too old to be given out
        making.now += 1000
        assert await making.get(oldest=float("inf")) == 3

    run(body)


def test_what_went_wrong_is_told_and_not_kept_and_hides_behind_no_old_answer() -> None:
    async def body(making: Making) -> None:
        making.seconds = 0.2
        assert await making.get() == 1
        making.now += 2.5
        making.fails = True
        assert await making.get() == 1
        await making.settle()
        with pytest.raises(OSError, match="away"):
            await making.get()
        making.fails = False
        assert await making.get() == 2

    run(body)


def test_the_oldest_answers_make_room() -> None:
    async def body(making: Making) -> None:
        for number in range(300):
            await making.get(str(number))
        assert await making.get("299") == 300
        assert await making.get("0") == 301

    run(body)
