"""`/api/v1/events`: a stream of server-sent events for one client, which is bounded by how fast the client reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from datetime import datetime

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from projector.errors import ProjectorError
from projector.search.filter import Filter
from projector.web.api.feed import Feeds, Listener, Told
from projector.web.api.openapi import EVENTS
from projector.web.api.parameters import arguments_of
from projector.web.api.position import Position
from projector.web.api.problem import problem_of
from projector.web.site import Site
from projector.web.statuses import away

HEARTBEAT_SECONDS = 10.0
SLOW_SECONDS = 10.0
"""A client that takes nothing for so long is left."""
_TURN_SECONDS = 0.5
"""So long a stream reads in the log before others have their turns."""
_GATHER_SECONDS = 0.1
"""Events that come so soon after others are sent together."""
_AT_ONCE = 200
"""Entries in one piece of the stream."""
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """The answer to `request`, which asks `query` for what is like `where` behind `begin` (None: from now on).

    Of the entries that wait for it too many may be dropped; these it reads in the log, from where it stands.
    """

    def __init__(self, request: Request, site: Site, feeds: Feeds) -> None:
        asked = arguments_of(request.query_params.multi_items(), EVENTS, datetime.now().astimezone())
        self._where, since = asked.where, asked.between.since
        self._is_wanted, self._wants_all = self._where.test(), self._where == Filter()
        last = request.headers.get("last-event-id", "")
        begin = None if since is None else Position.at(since)
        self._begins = Position.of_text(last) if last else begin
        self._stands = Position()
        self._query = site.async_query_of(request)
        self._feeds = feeds
        self._client = getattr(request.state, "client", "")
        self._streams = site.streams
        self._ending = site.ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._streams.of(self._client):
                feed = self._feeds.of(self._query)
                listener = await feed.join()
                try:
                    self._stands = self._begins or feed.stands
                    has_ended = await self._run(scope["method"], listener, receive, send)
                finally:
                    feed.leave(listener)
        except ProjectorError as error:  # before anything was sent
            await problem_of(error)(scope, receive, send)
        else:
            if not has_ended:  # to the server of the page an end without a last piece is a bug, unless it cut it off
                await _left(receive)

    async def _run(self, method: str, listener: Listener, receive: Receive, send: Send) -> bool:
        """Until the client goes, or is too slow, or the server ends; whether it took the end."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if method == "HEAD":
            await send({"type": "http.response.body"})
            return True
        works = (self._write(listener, send), _left(receive), self._ending.wait())
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0] in done and (error := tasks[0].exception()) is not None:
                if not isinstance(error, TimeoutError):
                    raise error
                return False  # a client that does not read does not read the end of the stream either
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(1):
                await send({"type": "http.response.body"})
        except TimeoutError:
            return self._ending.is_set()  # then the server cuts it off
        return True

    async def _write(self, listener: Listener, send: Send) -> None:
        async def write(text: str) -> None:
            async with asyncio.timeout(SLOW_SECONDS):
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

        await write(f"retry: 5000\nid: {self._stands}\n\n")
        catching_up = self._begins is not None
        while True:
            listener.woken.clear()  # before the look, so that what comes meanwhile wakes it
            message, listener.message = listener.message, ""
            if message:
                await write(message)
            if listener.over:
                return
            if catching_up or listener.dropped:
                listener.dropped = catching_up = False
                try:
                    async with aclosing(self._read()) as texts:
                        async for text in texts:
                            await write(text)
                except ProjectorError as error:
                    await write(away(error))
                    return
            if listener.entries:
                taken = [listener.entries.popleft() for _ in range(min(_AT_ONCE, len(listener.entries)))]
                if text := self._events(taken):
                    await write(text)
                await asyncio.sleep(_GATHER_SECONDS if not listener.entries else 0)
                continue
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await listener.woken.wait()
            except TimeoutError:
                await write(self._alive)

    @property
    def _alive(self) -> str:
        return f": alive\nid: {self._stands}\n\n"

    async def _read(self) -> AsyncGenerator[str, None]:
        """What was written since, in the log, and in the archive if there is one; in turns with other streams."""
        loop = asyncio.get_running_loop()
        found: list[Told] = []
        turn_ends = told_at = loop.time()
        begins = 0

        def end_turn(scanned: int, _total: int) -> None:
            if scanned > begins and loop.time() >= turn_ends:
                raise _TurnIsOver

        since, since_of = self._stands.since, self._stands.since_of
        entries = self._query.log(self._where, since=since, since_of=since_of, reverse=True, progress=end_turn)

        async def find() -> bool:
            """Find some more; whether there may be others."""
            nonlocal turn_ends, begins
            async with self._feeds.turns:
                turn_ends, begins = loop.time() + _TURN_SECONDS, entries.scanned
                with suppress(_TurnIsOver):
                    async for entry in entries:
                        found.append(Told(entry))
                        if len(found) >= _AT_ONCE:
                            return True
                    return False
                return True

        goes_on = True
        while goes_on:
            finding = asyncio.create_task(find())
            try:
                while not (await asyncio.wait([finding], timeout=HEARTBEAT_SECONDS))[0]:
                    yield self._alive
                goes_on = finding.result()
            finally:
                finding.cancel()
            text = self._events(found, wanted=True)
            found.clear()
            if text or loop.time() - told_at >= HEARTBEAT_SECONDS:
                told_at = loop.time()
                yield text or self._alive
        if entries.gone:
            yield f'event: gone\ndata: {{"entries": {entries.gone}}}\n\n'

    def _events(self, taken: Sequence[Told], *, wanted: bool = False) -> str:
        """The events of those that have not come yet and are wanted; all are, if `wanted`."""
        if all(told.entry.namespace == self._query.namespace for told in taken):
            return self._events_alone(taken, wanted=wanted)
        texts = []
        for told in taken:
            namespace = told.entry.namespace
            if self._stands.is_before(told.order, namespace):
                self._stands = self._stands.after(told.order, namespace, alone=namespace == self._query.namespace)
                if wanted or self._wants(told):
                    texts.append(told.event(str(self._stands)))
        return "".join(texts)

    def _events_alone(self, taken: Sequence[Told], *, wanted: bool) -> str:
        """The same of one namespace, whose events are the same for all streams."""
        name = self._query.namespace
        new = [told for told in taken if self._stands.is_before(told.order, name)]
        if new:
            self._stands = self._stands.after(new[-1].order, name, alone=True)
        return "".join(told.event_alone for told in new if wanted or self._wants(told))

    def _wants(self, told: Told) -> bool:
        return self._wants_all or self._is_wanted(told.judged, told.entry.by)


class _TurnIsOver(Exception):
    """Others are to read."""


async def _left(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
