"""The end of the log, followed once for all who listen: many streams cost the server of the log what one does."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from producer.text.document import VERSION
from projector.answers.documents.answer import plain
from projector.entry_id import order_of
from projector.errors import ProjectorError
from projector.query import AsyncQuery, Status
from projector.search.entry import LogEntry
from projector.web.api.position import Position
from projector.web.statuses import away

_PAUSE_SECONDS = 0.2
"""Between two looks at a busy log, whose entries come by pages then."""
_STATUS_SECONDS = 1.0
_ROOM_EVERY = 30
"""Looks at the status; how long the memory lasts is reckoned anew by one of so many, because that reads the log."""
_READING = 2
"""Streams that read in the log at a time: the others wait for their turns."""
_KEPT = 2000
"""Entries that wait for a listener; who has more to come reads them in the log."""

_log = logging.getLogger("projector")


class Told:
    """An entry of the log, the text of whose event is made once for all streams."""

    def __init__(self, entry: LogEntry) -> None:
        self.entry = entry
        self.order = order_of(entry.entry_id)

    def event(self, place: str) -> str:
        """The event, whose id is its `place` in a stream."""
        return f"event: entry\nid: {place}\ndata: {self._text}\n\n"

    @cached_property
    def event_alone(self) -> str:
        """The event in a stream of one namespace."""
        return self.event(self.entry.entry_id)

    @cached_property
    def _text(self) -> str:
        return json.dumps(self.entry.document)

    @cached_property
    def judged(self) -> Any:
        """The fields of its operation as attributes, which a filter judges; None if the entry cannot be read."""
        return None if self.entry.operation is None else SimpleNamespace(**self.entry.operation)


class Listener:
    """What waits for a stream: `entries`, unless they have become too many and were `dropped`; and the latest
    `message`, if it has not been told."""

    def __init__(self) -> None:
        self.entries: deque[Told] = deque()
        self.dropped = False
        self.message = ""
        self.over = False
        self.woken = asyncio.Event()

    def take(self, told: Told) -> None:
        if len(self.entries) < _KEPT and not self.dropped:
            self.entries.append(told)
        else:
            self.entries.clear()
            self.dropped = True
        self.woken.set()

    def tell(self, message: str, *, over: bool = False) -> None:
        self.message, self.over = message, over
        self.woken.set()


class Feed:
    """Follows the log of `query`, and looks at its status, while anybody listens."""

    def __init__(self, query: AsyncQuery) -> None:
        self._query = query
        self._listeners: set[Listener] = set()
        self._following: list[asyncio.Task[None]] = []
        self._joining = asyncio.Lock()
        self._awaited = 0
        self._message = ""
        self.stands = Position()
        """Behind the latest entry that listeners were told of."""

    @property
    def is_heard(self) -> bool:
        return bool(self._listeners or self._awaited)

    async def join(self) -> Listener:
        """From now on the listener gets each new entry. Raises what a query raises."""
        self._awaited += 1
        try:
            async with self._joining:
                if not self._following:
                    self.stands = await self._newest()
                    self._message = ""
                    self._following = [
                        asyncio.create_task(self._until_it_fails(self._follow)),
                        asyncio.create_task(self._until_it_fails(self._watch)),
                    ]
                listener = Listener()
                self._listeners.add(listener)
                if self._message:
                    listener.tell(self._message)
                return listener
        finally:
            self._awaited -= 1

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners:
            self._stop()

    def _stop(self) -> None:
        for task in self._following:
            task.cancel()
        self._following = []

    async def _until_it_fails(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - of one that was not foreseen nobody else would hear
            if not isinstance(error, ProjectorError):
                _log.exception("a stream of events has ended: this is a bug, please report it")
                error = ProjectorError("this is a bug; the page's log says more")
            for listener in self._listeners:
                listener.tell(away(error), over=True)
            self._listeners = set()
            self._stop()

    async def _newest(self) -> Position:
        async for entry in self._query.log(limit=1):
            return Position(order_of(entry.entry_id))
        return Position()

    async def _follow(self) -> None:
        pages = 0

        def count(_done: int, _total: int) -> None:
            nonlocal pages
            pages += 1

        seen = 0
        async for entry in self._query.log(since=self.stands.since, follow=True, progress=count):
            told, namespace = Told(entry), entry.namespace
            if self.stands.is_before(told.order, namespace):
                self.stands = self.stands.after(told.order, namespace, alone=namespace == self._query.namespace)
                for listener in self._listeners:
                    listener.take(told)
            if pages != seen:
                seen = pages
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _watch(self) -> None:
        looks, known = 0, None
        room: int | None = None
        while True:
            try:
                status = await self._query.status(room=looks % _ROOM_EVERY == 0)
                room = status.room_seconds if looks % _ROOM_EVERY == 0 else room
                looks += 1
                status = replace(status, room_seconds=room)
                found: object = replace(status, lease_ttl_ms=None if status.lease_ttl_ms is None else 0)
                message = _status(status)
            except ProjectorError as error:
                found, message = str(error), away(error)
            if found != known:
                known, self._message = found, message
                for listener in self._listeners:
                    listener.tell(message)
            await asyncio.sleep(_STATUS_SECONDS)


class Feeds:
    """A feed for each query that somebody listens to."""

    def __init__(self) -> None:
        self._feeds: dict[AsyncQuery, Feed] = {}
        self.turns = asyncio.Semaphore(_READING)
        """For the streams that read in the log."""

    def of(self, query: AsyncQuery) -> Feed:
        self._feeds = {each: feed for each, feed in self._feeds.items() if feed.is_heard or each is query}
        return self._feeds.setdefault(query, Feed(query))


def _status(status: Status) -> str:
    return f"event: status\ndata: {json.dumps({'version': VERSION, **plain(status)})}\n\n"
