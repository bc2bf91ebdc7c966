"""The pulse that tells open pages to look again: when something has changed, and as often as there is room for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from projector.errors import ProjectorError, TooMuchWork
from projector.query import Status
from projector.web.statuses import away

_SHORTEST_SECONDS, _LONGEST_SECONDS = 2.0, 60.0
_SHARE = 0.12
"""Of a core, which this process may take while pages are open: a pulse after which they took more is followed by a
longer pause."""
_CHANGED = "event: changed\ndata:\n\n"
_QUIET_SECONDS = 15.0
"""After which a comment shows that the stream is alive."""

_log = logging.getLogger("projector")


class Pulse:
    """Looks where the projection stands while anybody listens, and tells all of them of a change at once.

    `status` asks for it; `cpu` gives the seconds of processor time that this process has taken.
    """

    def __init__(
        self,
        status: Callable[[], Awaitable[Status]],
        *,
        cpu: Callable[[], float] = time.process_time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._status = status
        self._cpu = cpu
        self._monotonic = monotonic
        self._listening = 0
        self._beating: asyncio.Task[None] | None = None
        self._beat = asyncio.Condition()
        self._number = 0
        self._message = ""
        self._over = False

    @property
    def number(self) -> int:
        """Of the latest change that was told: a page that was made before it is old."""
        return self._number

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events: `changed`, or `away` with why the log cannot be read, until the page's server ends."""
        self._listening += 1
        seen = self._number
        try:
            if self._beating is None:
                self._beating = asyncio.create_task(self._run())
            yield "retry: 5000\n\n"
            while not self._over:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_QUIET_SECONDS), self._beat:
                        while self._number == seen:
                            await self._beat.wait()
                message = ": alive\n\n" if seen == self._number else self._message
                seen = self._number  # before the message is sent, which may take long
                yield message
        finally:
            self._listening -= 1

    async def end(self) -> None:
        """End all streams."""
        self._over = True
        if self._beating is not None:
            self._beating.cancel()
        async with self._beat:
            self._number += 1
            self._message = "event: end\ndata:\n\n"
            self._beat.notify_all()

    async def _run(self) -> None:
        try:
            await self._look_while_heard()
        finally:
            self._beating = None

    async def _look_while_heard(self) -> None:
        known: object = None
        was_news = False
        while self._listening:
            begun = self._cpu()
            try:
                status = await self._status()
                found: object = (
                    status.entries,
                    status.lag,
                    status.lease_holder is None,
                    status.torn,
                    status.in_flight,
                    # What runs becomes overdue without a word.
                    self._monotonic() // _QUIET_SECONDS if status.in_flight else 0,
                )
                message = _CHANGED
            except TooMuchWork:  # of others: this tells nothing about the log
                found, message = known, ""
            except ProjectorError as error:
                found, message = str(error), away(error)
            except Exception as error:  # noqa: BLE001 - whose end nobody would see, while pages say that they are live
                _log.exception("the page cannot look where the projection stands")
                found = message = away(f"a fault of this page, {type(error).__name__}; its server tells more")
            # The page that has just begun to listen was perhaps made right before the server went away.
            is_news = message != _CHANGED if known is None else found != known
            if message and (is_news or was_news):
                async with self._beat:
                    self._number, self._message = self._number + 1, message
                    self._beat.notify_all()
            # A page may have been made right before; or others gave it an old one, while it was made anew.
            was_news = message == _CHANGED and is_news
            known = found
            pause = _SHORTEST_SECONDS
            while pause < _LONGEST_SECONDS:
                await asyncio.sleep(_SHORTEST_SECONDS)
                if self._cpu() - begun <= _SHARE * pause:
                    break
                pause += _SHORTEST_SECONDS
