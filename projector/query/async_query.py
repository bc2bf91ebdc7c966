"""The query library for asyncio: the same questions as `Query`, awaited."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Any, TypeVar

from producer.connection.client import AsyncClient, where
from producer.wal import DEFAULT_NAMESPACE
from projector.connection.asynchronous import AsyncReader, async_client_of
from projector.connection.exchange import drive_async
from projector.keys import Keys
from projector.query.arguments import Moment, Progress, checked_span
from projector.query.entries import AsyncLogEntries
from projector.query.histogram import Histogram
from projector.query.overview import Running
from projector.query.questions import history as over_time
from projector.query.questions import kinds, lists, statistics
from projector.query.questions import show as showing
from projector.query.questions import status as standing
from projector.query.questions import trail as trails
from projector.query.questions.history import History, Step
from projector.query.questions.kinds import ActionFailureKind
from projector.query.questions.log import walk_of
from projector.query.questions.question import AtOneInstant, Each, Question, Request
from projector.query.questions.show import Shown
from projector.query.questions.statistics import Sort
from projector.query.questions.trail import Deed
from projector.query.results import ActionStats, Records, ScannerStats, Status, Totals
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from projector.search.filter import Filter

_T = TypeVar("_T")


class AsyncQuery:
    """`Query` for asyncio: each call is that of `Query`, awaited, with the same arguments, results and errors.

    `url_or_client`: a Redis URL, a client of redis.asyncio, or None for `WAL_URL`. Nothing is sent on construction.
    For the tasks of one event loop.
    """

    def __init__(
        self,
        url_or_client: str | AsyncClient | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        timeout: float = 5.0,
        password_file: str | os.PathLike[str] | None = None,
        archive: str | None = None,
    ) -> None:
        self._keys = Keys(namespace)
        self.namespace = namespace
        self._archive = archive
        self._client, self._owned = async_client_of(
            url_or_client, namespace, timeout=timeout, password_file=password_file
        )
        self._reader = AsyncReader(self._client, self._keys.wal)

    async def recent_action_executions(
        self,
        limit: int | None = 10,
        *,
        action_id: str | None = None,
        success: bool | None = None,
        where: Filter | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        progress: Progress | None = None,
    ) -> Records[ActionExecutionRecord]:
        span = checked_span(since, until, self._archive, progress)
        return await self._ask(
            lists.executions(self._keys, limit, span, action_id=action_id, success=success, where=where)
        )

    async def recent_cleanup_operations(
        self,
        limit: int | None = 10,
        *,
        scanner_id: str | None = None,
        where: Filter | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        progress: Progress | None = None,
    ) -> Records[CleanupRecord]:
        span = checked_span(since, until, self._archive, progress)
        return await self._ask(lists.cleanups(self._keys, limit, span, scanner_id=scanner_id, where=where))

    async def recent_failures(
        self,
        limit: int | None = 10,
        *,
        where: Filter | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        progress: Progress | None = None,
    ) -> Records[ActionExecutionRecord]:
        return await self.recent_action_executions(
            limit, success=False, where=where, since=since, until=until, progress=progress
        )

    def log(
        self,
        where: Filter | None = None,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        reverse: bool = False,
        follow: bool = False,
        progress: Progress | None = None,
    ) -> AsyncLogEntries:
        walk = walk_of(
            self.namespace,
            where,
            checked_span(since, until, self._archive),
            limit=limit,
            reverse=reverse,
            follow=follow,
        )
        return AsyncLogEntries(walk, self._ask, progress)

    async def show(self, wanted: str, *, progress: Progress | None = None) -> Shown:
        return await self._ask(showing.show(self._keys, wanted, self._archive, progress))

    async def trail(
        self,
        resource: str,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> Records[Deed]:
        span = checked_span(0 if since is None else since, until, self._archive, progress)
        return await self._ask(trails.trail(self._keys, resource, span, limit=limit))

    async def in_flight(self) -> list[InFlightRecord]:
        return await self._ask(lists.started(self._keys.in_flight))

    async def running(self, limit: int | None = None) -> list[Running]:
        return await self._ask(statistics.running(self._keys, limit))

    async def orphans(self) -> list[InFlightRecord]:
        return await self._ask(lists.started(self._keys.orphans))

    async def action_stats(self, action_id: str, *, failures_only: bool = False) -> ActionStats:
        return await self._ask(statistics.action_stats(self._keys, action_id, failures_only=failures_only))

    async def actions(self, sort: Sort = "recency", limit: int | None = None) -> list[ActionStats]:
        return await self._ask(statistics.actions(self._keys, sort=sort, limit=limit))

    async def durations(self, action_ids: Iterable[str], *, failures_only: bool = False) -> dict[str, Histogram]:
        return await self._ask(statistics.durations(self._keys, action_ids, failures_only=failures_only))

    async def duration_percentiles(self, action_ids: Iterable[str], percent: int = 95) -> dict[str, int]:
        return await self._ask(statistics.duration_percentiles(self._keys, action_ids, percent))

    async def scanner_stats(self, scanner_id: str) -> ScannerStats:
        return await self._ask(statistics.scanner_stats(self._keys, scanner_id))

    async def scanners(self) -> list[ScannerStats]:
        return await self._ask(statistics.scanners(self._keys))

    async def totals(self) -> Totals:
        return await self._ask(statistics.totals(self._keys))

    async def history(
        self,
        action_id: str | None = None,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        step: Step = "hour",
    ) -> History:
        return await self._ask(over_time.history(self._keys, action_id, since=since, until=until, step=step))

    async def failure_kinds(
        self, action_id: str | None = None, *, since: Moment | None = None, limit: int | None = None
    ) -> Records[ActionFailureKind]:
        return await self._ask(kinds.failure_kinds(self._keys, action_id, since=since, limit=limit))

    async def status(self, *, room: bool = False) -> Status:
        return await self._ask(standing.status(self._keys, room=room))

    async def namespaces(self, *, seconds: float = 1.0) -> list[str]:
        return await self._ask(standing.namespaces(seconds=seconds))

    async def close(self) -> None:
        if self._owned:
            await self._client.aclose()

    async def __aenter__(self) -> AsyncQuery:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncQuery of namespace {self.namespace} at {where(self._client)}>"

    async def _ask(self, question: Question[_T]) -> _T:
        return await drive_async(question, self._reply)

    async def _reply(self, request: Request) -> Any:
        match request:
            case AtOneInstant(commands):
                return await self._reader.at_one_instant(*commands)
            case Each(commands):
                return await self._reader.each(*commands)
            case _:
                loop = asyncio.get_running_loop()

                def call(*command: Any) -> Any:
                    """One command, for the thread."""
                    return asyncio.run_coroutine_threadsafe(self._reader.call(*command), loop).result()

                return await asyncio.to_thread(request.work, call)
