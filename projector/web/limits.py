"""What one request may cost: a thread of a few, so many seconds of search, and a stream of so many."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from producer.text.wording import counted
from projector.errors import TooManyStreams, TooMuchWork
from projector.query.arguments import Progress

_T = TypeVar("_T")

THREADS = 4
WAITING = 128
"""Requests that wait for a thread; one more is refused."""
SECONDS = 10.0
STREAMS_OF_A_CLIENT, STREAMS = 64, 256


class Limits:
    """Answers requests in a few threads, so that neither the event loop nor the server of the log is overrun."""

    def __init__(self, *, threads: int = THREADS, waiting: int = WAITING, seconds: float = SECONDS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="page")
        self._most = threads + waiting
        self._seconds = seconds
        self._under_way = 0

    async def answer(self, work: Callable[[Progress], _T]) -> _T:
        """What `work` returns, in a thread. It gets the progress for its queries, which raises TooMuchWork when the
        time is over. Raises TooMuchWork at once if too many requests wait."""
        if self._under_way >= self._most:
            raise TooMuchWork("too many requests wait for an answer; try again")
        self._under_way += 1
        deadline = time.monotonic() + self._seconds

        def begin() -> _T:
            if time.monotonic() > deadline:
                raise TooMuchWork("this request has waited for too long; try again")
            return work(_until(deadline, self._seconds))

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, begin)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _until(deadline: float, seconds: float) -> Progress:
    def progress(done: int, total: int) -> None:
        if done < total and time.monotonic() > deadline:
            looked = f"looked at {done:,} of {counted(total, 'entry')} in {seconds:g} s"
            raise TooMuchWork(f"the search takes too long: it {looked}; ask for less, by since and until")

    return progress


class Streams:
    """Counts the streams that are open, and of each client."""

    def __init__(self, *, of_a_client: int = STREAMS_OF_A_CLIENT, of_all: int = STREAMS) -> None:
        self._of_a_client, self._of_all = of_a_client, of_all
        self._open: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self._open.total()

    @contextmanager
    def of(self, client: str) -> Iterator[None]:
        """Count a stream of `client` while the body runs. Raises TooManyStreams."""
        if self._open[client] >= self._of_a_client or self.count >= self._of_all:
            raise TooManyStreams(f"{self._open[client]} streams of {client} are open, {self.count} in all")
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            self._open += Counter()  # forgets those that have none
