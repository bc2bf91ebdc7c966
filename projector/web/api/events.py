"""`/api/v1/events`: a stream of server-sent events for one client, which is bounded by how fast the client reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from projector.errors import ProjectorError
from projector.web.api.context import Context
from projector.web.api.feed import Feeds, Listener, Told, away
from projector.web.api.openapi import EVENTS
from projector.web.api.parameters import asked_of
from projector.web.api.position import Position
from projector.web.api.problem import problem_of

HEARTBEAT_SECONDS = 10.0
SLOW_SECONDS = 10.0
"""A client that takes nothing for so long is left."""
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

    def __init__(self, request: Request, context: Context, feeds: Feeds) -> None:
        asked = asked_of(request.query_params.multi_items(), EVENTS, datetime.now().astimezone())
        self._where, since = asked.where, asked.between.since
        self._is_wanted = self._where.test()
        last = request.headers.get("last-event-id", "")
        begin = None if since is None else Position.at(since)
        self._begins = Position.of_text(last) if last else begin
        self._stands = Position()
        self._query = context.async_query_of(request)
        self._feed = feeds.of(self._query)
        self._client = getattr(request.state, "client", None) or (request.client.host if request.client else "")
        self._streams = context.streams
        self._ending = context.ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._streams.of(self._client):
                listener = await self._feed.join()
                try:
                    self._stands = self._begins or self._feed.stands
                    await self._run(scope["method"], listener, receive, send)
                finally:
                    self._feed.leave(listener)
        except ProjectorError as error:  # before anything was sent
            await problem_of(error)(scope, receive, send)

    async def _run(self, method: str, listener: Listener, receive: Receive, send: Send) -> None:
        """Until the client goes, or is too slow, or the server ends."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if method == "HEAD":
            await send({"type": "http.response.body"})
            return
        works = (self._write(listener, send), _left(receive), self._ending.wait())
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0] in done and (error := tasks[0].exception()) is not None:
                if not isinstance(error, TimeoutError):
                    raise error
                return  # a client that does not read does not read the end of the stream either
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(1):
                await send({"type": "http.response.body"})

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
                    async for text in self._read():
                        if text:
                            await write(text)
                except ProjectorError as error:
                    await write(away(error))
                    return
            if listener.entries:
                taken = [listener.entries.popleft() for _ in range(min(_AT_ONCE, len(listener.entries)))]
                if text := "".join(map(self._event, taken)):
                    await write(text)
                await asyncio.sleep(_GATHER_SECONDS if not listener.entries else 0)
                continue
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await listener.woken.wait()
            except TimeoutError:
                await write(f": alive\nid: {self._stands}\n\n")

    async def _read(self) -> AsyncIterator[str]:
        """What was written since, in the log, and in the archive if there is one."""
        entries = self._query.log(self._where, since=self._stands.since, reverse=True)
        texts: list[str] = []
        async for entry in entries:
            texts.append(self._event(Told(entry), wanted=True))
            if len(texts) >= _AT_ONCE:
                yield "".join(texts)
                texts = []
        if entries.gone:
            texts.append(f'event: gone\ndata: {{"entries": {entries.gone}}}\n\n')
        yield "".join(texts)

    def _event(self, told: Told, *, wanted: bool = False) -> str:
        """The event of an entry; empty if it came already, or is not `wanted`."""
        namespace = told.entry.namespace
        if not self._stands.is_before(told.order, namespace):
            return ""
        self._stands = self._stands.after(told.order, namespace, alone=namespace == self._query.namespace)
        if not (wanted or self._is_wanted(told.judged, told.entry.by)):
            return ""
        return f"event: entry\nid: {self._stands}\ndata: {told.text}\n\n"


async def _left(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
