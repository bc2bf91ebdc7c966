"""The entries of the log as a caller iterates over them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from projector.entry_id import order_of_any
from projector.query.arguments import Progress
from projector.query.merging.log import Logs
from projector.query.questions.question import Inquiry

if TYPE_CHECKING:
    from projector.search.entry import LogEntry


_IDLE_SECONDS = 0.5
"""How often is looked for a namespace where there is none yet."""


class _Pages:
    def __init__(self, logs: Logs, progress: Progress | None) -> None:
        self._logs = logs
        self._progress = progress
        self._page: deque[LogEntry] = deque()

    @property
    def complete(self) -> bool:
        """Whether all is there that is wanted: the limit has cut nothing off, and no entry is gone. False until the
        end."""
        return self._logs.complete

    @property
    def since(self) -> int | None:
        """If it is not complete: since when all is there (epoch ms); None if that is not known."""
        return None if self.complete else self._logs.since

    @property
    def gone(self) -> int:
        """How many entries may be missing, because they are neither in the log nor in an archive that was named."""
        return sum(walk.gone for walk in self._logs.walks)

    @property
    def scanned(self) -> int:
        """How many entries were looked at so far."""
        return sum(walk.scanned for walk in self._logs.walks)

    @property
    def stands(self) -> str:
        """The entry back to which all were looked at so far, newest first; empty if nothing was."""
        return max((walk.stands for walk in self._logs.walks if not walk.done), key=order_of_any, default="")

    @property
    def trouble(self) -> Exception | None:
        """Why what is followed cannot be read at the moment, so that it is asked again; None if it can."""
        return self._logs.trouble

    def _next_page(self) -> Inquiry[list[LogEntry]] | None:
        if self._logs.done:
            return None
        if self._progress is not None:
            self._progress(self.scanned, sum(walk.expected for walk in self._logs.walks))
        return self._logs.page()


class LogEntries(_Pages, Iterator["LogEntry"]):
    """Reads as it is iterated over, a page at a time."""

    def __init__(
        self, logs: Logs, ask: Callable[[Inquiry[list[LogEntry]]], list[LogEntry]], progress: Progress | None
    ) -> None:
        super().__init__(logs, progress)
        self._ask = ask

    def __next__(self) -> LogEntry:
        while not self._page:
            inquiry = self._next_page()
            if inquiry is None:
                raise StopIteration
            self._page.extend(self._ask(inquiry))
            if self._logs.is_idle:
                time.sleep(_IDLE_SECONDS)
        return self._page.popleft()


class AsyncLogEntries(_Pages, AsyncIterator["LogEntry"]):
    """The same for `async for`."""

    def __init__(
        self,
        logs: Logs,
        ask: Callable[[Inquiry[list[LogEntry]]], Awaitable[list[LogEntry]]],
        progress: Progress | None,
    ) -> None:
        super().__init__(logs, progress)
        self._ask = ask

    async def __anext__(self) -> LogEntry:
        while not self._page:
            inquiry = self._next_page()
            if inquiry is None:
                raise StopAsyncIteration
            self._page.extend(await self._ask(inquiry))
            if self._logs.is_idle:
                await asyncio.sleep(_IDLE_SECONDS)
        return self._page.popleft()
