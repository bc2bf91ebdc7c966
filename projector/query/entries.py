"""The entries of the log as a caller iterates over them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from producer.connection.pause import Pause
from projector.query.arguments import Progress
from projector.query.questions.log import page_of
from projector.query.questions.question import Question

if TYPE_CHECKING:
    from projector.search.entry import LogEntry
    from projector.search.walk import Walk


class _Pages:
    def __init__(self, walk: Walk, progress: Progress | None) -> None:
        self._walk = walk
        self._pause = Pause(0.1, 5.0, sleep=time.sleep)
        self._progress = progress
        self._page: deque[LogEntry] = deque()

    @property
    def complete(self) -> bool:
        """Whether all is there that is wanted: the limit has cut nothing off, and no entry is gone. False until the
        end."""
        return self._walk.complete

    @property
    def since(self) -> int | None:
        """If it is not complete: since when all is there (epoch ms); None if that is not known."""
        return None if self._walk.complete else self._walk.since

    @property
    def gone(self) -> int:
        """How many entries may be missing, because they are neither in the log nor in an archive that was named."""
        return self._walk.gone

    @property
    def scanned(self) -> int:
        """How many entries were looked at so far."""
        return self._walk.scanned

    @property
    def trouble(self) -> Exception | None:
        """Why what is followed cannot be read at the moment, so that it is asked again; None if it can."""
        return self._walk.trouble

    def _next_page(self) -> Question[list[LogEntry]] | None:
        if self._walk.done:
            return None
        if self._progress is not None:
            self._progress(self._walk.scanned, self._walk.expected)
        return page_of(self._walk, self._pause)


class LogEntries(_Pages, Iterator["LogEntry"]):
    """Reads as it is iterated over, a page at a time."""

    def __init__(
        self, walk: Walk, ask: Callable[[Question[list[LogEntry]]], list[LogEntry]], progress: Progress | None
    ) -> None:
        super().__init__(walk, progress)
        self._ask = ask

    def __next__(self) -> LogEntry:
        while not self._page:
            question = self._next_page()
            if question is None:
                raise StopIteration
            self._page.extend(self._ask(question))
        return self._page.popleft()


class AsyncLogEntries(_Pages, AsyncIterator["LogEntry"]):
    """The same for `async for`."""

    def __init__(
        self,
        walk: Walk,
        ask: Callable[[Question[list[LogEntry]]], Awaitable[list[LogEntry]]],
        progress: Progress | None,
    ) -> None:
        super().__init__(walk, progress)
        self._ask = ask

    async def __anext__(self) -> LogEntry:
        while not self._page:
            question = self._next_page()
            if question is None:
                raise StopAsyncIteration
            self._page.extend(await self._ask(question))
        return self._page.popleft()
