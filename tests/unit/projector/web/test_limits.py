"""What a request may cost: a thread for so long, a place among those that wait, a stream of so many."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from projector.errors import TooManyStreams, TooMuchWork
from projector.query.arguments import Progress
from projector.web.limits import Limits, Streams


def test_a_search_that_takes_too_long_ends_and_says_how_far_it_came() -> None:
    async def body() -> None:
        limits = Limits(seconds=0.5)

        def search(progress: Progress) -> None:
            for done in range(1_000_000_000):
                progress(done, 2_000_000_000)
            raise AssertionError("it went on")

        with pytest.raises(TooMuchWork, match=r"looked at [\d,]+ of 2,000,000,000 entries in 0.5 s.*since and until"):
            await limits.answer(search)
        assert await limits.answer(lambda _: "next") == "next"
        limits.close()

    asyncio.run(body())


def test_one_more_than_may_wait_is_refused_at_once_and_a_place_becomes_free() -> None:
    async def body() -> None:
        limits, go, begun = Limits(threads=1, waiting=1), threading.Event(), threading.Event()

        def work(_: Progress) -> str:
            begun.set()
            go.wait(30)
            return "done"

        first = asyncio.create_task(limits.answer(work))
        second = asyncio.create_task(limits.answer(work))
        await asyncio.to_thread(begun.wait, 30)
        with pytest.raises(TooMuchWork, match="too many requests wait"):
            await limits.answer(work)
        go.set()
        assert list(await asyncio.gather(first, second)) == ["done", "done"]
        assert await limits.answer(lambda _: "again") == "again"
        limits.close()

    asyncio.run(body())


def test_streams_are_counted_for_each_client_and_for_all() -> None:
    streams = Streams(of_a_client=2, of_all=3)

    def refused(client: str) -> bool:
        try:
            with streams.of(client):
                return False
        except TooManyStreams:
            return True

    def nested(clients: list[str], then: Callable[[], None]) -> None:
        if not clients:
            then()
            return
        with streams.of(clients[0]):
            nested(clients[1:], then)

    def both_limits() -> None:
        assert (refused("a"), refused("b")) == (True, False)
        with streams.of("b"):
            assert (refused("b"), refused("c")) == (True, True)

    nested(["a", "a"], both_limits)
    assert (streams.count, refused("a")) == (0, False)
