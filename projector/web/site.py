"""The site: what all requests share, within its limits: the queries, what is kept for a moment, the open streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from producer.errors import UnusableServer
from producer.wal import namespace_tag
from projector.expectation import Expectation
from projector.metrics.health import readiness_of
from projector.namespaces.wanted import Wanted
from projector.namespaces.whole import whole_of
from projector.query import ActionFailureKind, ActionStats, AsyncQuery, Query, Records
from projector.query.arguments import Progress
from projector.query.overview import Running
from projector.web.cache import Cache
from projector.web.choices import Choices
from projector.web.limits import Limits, Streams
from projector.web.live import Pulse
from projector.web.page.examiner import Examined, examine

_T = TypeVar("_T")

_TIMEOUT = 2.0
"""Seconds to wait for a reply: a page that waits for longer is no page."""
_KNOWN_SECONDS = 10.0
_EXAMINATION_SECONDS = 30.0
_OLDEST_EXAMINATION_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the site shows: the `namespaces` (names and globs) at `url`, entries of the `archive` too, and how actions
    fare against what is `expected` of them. All its links begin with `prefix`."""

    url: str
    namespaces: tuple[str, ...]
    archive: str | None = None
    expected: Mapping[str, Expectation] = field(default_factory=dict)
    prefix: str = ""


class Site:
    """What `settings` say. Raises UnusableServer for a bad URL or name; nothing is sent before it is opened."""

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.limits = Limits()
        self.streams = Streams()
        self.pages: Cache[bytes] = Cache()
        self._now = now
        self._wanted = Wanted.of(settings.namespaces)
        self._queries = Choices(self._query)
        self._async_queries = Choices(self._async_query)
        self.query = self._queries.of(settings.namespaces)
        self.pulse = Pulse(lambda: self.limits.answer(lambda _: self.query.status()))
        self._actions: Cache[Sequence[ActionStats]] = Cache()
        self._kinds: Cache[Records[ActionFailureKind]] = Cache()
        self._running: Cache[Sequence[Running]] = Cache()
        self._known: Cache[Sequence[str]] = Cache()
        self._examined: Cache[Examined] = Cache()
        self.ending = asyncio.Event()
        self._opening: asyncio.Future[Any] | None = None

    @property
    def now(self) -> int:
        """Epoch ms."""
        return int(self._now() * 1000)

    def names_of(self, request: Request) -> Sequence[str]:
        """The namespaces that the request names, or all that are shown: names and globs. Raises HTTPException."""
        chosen = sorted({name for name in request.query_params.getlist("namespace") if name})
        for name in chosen:
            if not self._shows(name):
                raise HTTPException(404, f"this page shows no namespace {name!r}; those it shows: {self._wanted}")
        return chosen or self.settings.namespaces

    def _shows(self, name: str) -> bool:
        """Whether it is among the namespaces that are shown. A glob only as it was given: `t*m` is like `t?m`, and
        takes more."""
        if name in self.settings.namespaces:
            return True
        try:
            namespace_tag(name)
        except UnusableServer:
            return False
        meant = (name, whole_of(name))
        return any(each in self._wanted.names or self._wanted.matches(each) for each in meant if each)

    def query_of(self, request: Request) -> Query:
        """The query of the namespaces that the request names, or of all. Raises HTTPException."""
        return self._queries.of(tuple(self.names_of(request)))

    def async_query_of(self, request: Request) -> AsyncQuery:
        """The same for the event loop."""
        return self._async_queries.of(tuple(self.names_of(request)))

    async def known(self) -> Sequence[str]:
        """The namespaces that there are, as of a moment ago."""

        def ask(_: Progress) -> Sequence[str]:
            return [status.namespace for status in self.query.statuses()]

        return await self._known.get("", lambda: self.limits.answer(ask), fresh=_KNOWN_SECONDS)

    async def actions(self, query: Query) -> Sequence[ActionStats]:
        """All actions, the latest first, as of a moment ago: ten thousand take a second to read."""
        return await self._shared(self._actions, query, query.actions)

    async def kinds(self, query: Query) -> Records[ActionFailureKind]:
        """Failures by kind, of all actions, as of a moment ago: these take as long."""
        return await self._shared(self._kinds, query, query.failure_kinds)

    async def running(self, query: Query) -> Sequence[Running]:
        """What runs, the latest start first, as of a moment ago: ten thousand take half a second to read."""
        return await self._shared(self._running, query, query.running)

    async def _shared(self, cache: Cache[_T], query: Query, ask: Callable[[], _T]) -> _T:
        return await cache.get(query.namespace, lambda: self.limits.answer(lambda _: ask()))

    async def examined(self, query: Query) -> Examined:
        """What the doctor has found, which may be of before: then it is looked for anew. Once something is wrong, or
        nothing is any more, the findings of before contradict the page."""
        statuses = await self.limits.answer(lambda _: query.statuses())

        def find(_: Progress) -> Examined:
            return examine(self.settings.url, [status.namespace for status in statuses], now=self.now)

        return await self._examined.get(
            (query.namespace, readiness_of(statuses).ready),
            lambda: self.limits.answer(find),
            fresh=_EXAMINATION_SECONDS,
            oldest=_OLDEST_EXAMINATION_SECONDS,
        )

    async def open(self) -> None:
        """Look at what takes long before anybody asks for it."""
        query = self.query
        long = self.actions(query), self.kinds(query), self.running(query), self.examined(query)
        self._opening = asyncio.gather(*long, return_exceptions=True)

    async def end(self) -> None:
        """End the streams."""
        self.ending.set()
        await self.pulse.end()

    async def close(self) -> None:
        await self.end()
        if self._opening is not None:
            self._opening.cancel()
        self.limits.close()
        for query in self._queries.all():
            query.close()
        for each in self._async_queries.all():
            await each.close()

    def _query(self, namespaces: tuple[str, ...]) -> Query:
        return Query(self.settings.url, namespaces=namespaces, timeout=_TIMEOUT, archive=self.settings.archive)

    def _async_query(self, namespaces: tuple[str, ...]) -> AsyncQuery:
        return AsyncQuery(self.settings.url, namespaces=namespaces, timeout=_TIMEOUT, archive=self.settings.archive)
