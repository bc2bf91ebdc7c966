"""The query library for asyncio: the same questions as `Query`, awaited."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TypeVar

from producer.connection.client import AsyncClient
from producer.wal import DEFAULT_NAMESPACE
from projector.query.arguments import Moment, Progress, checked_limit, checked_span
from projector.query.entries import AsyncLogEntries
from projector.query.histogram import Histogram
from projector.query.merging import history as over_time
from projector.query.merging import kinds, producers, records, statistics
from projector.query.merging import show as showing
from projector.query.merging import status as standing
from projector.query.merging import trail as trails
from projector.query.merging.log import Logs
from projector.query.overview import Running
from projector.query.questions.history import History, Step
from projector.query.questions.kinds import ActionFailureKind
from projector.query.questions.lists import asked_cleanups, asked_executions
from projector.query.questions.log import walk_of
from projector.query.questions.question import Inquiry
from projector.query.questions.show import Shown
from projector.query.questions.statistics import Sort
from projector.query.questions.status import namespaces as find_namespaces
from projector.query.questions.trail import Deed
from projector.query.results import ActionStats, LastVerified, ProducerStanding, Records, ScannerStats, Status, Totals
from projector.query.sources.async_sources import AsyncSources
from projector.query.sources.sources import wanted_of
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
        namespaces: Iterable[str] | None = None,
        timeout: float = 5.0,
        password_file: str | os.PathLike[str] | None = None,
        archive: str | None = None,
    ) -> None:
        wanted, self.namespace = wanted_of(namespace, namespaces)
        self._archive = archive
        self._sources = AsyncSources(url_or_client, wanted, timeout=timeout, password_file=password_file)

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
        asked = asked_executions(limit, span, action_id=action_id, success=success, where=where)
        return await self._ask(records.executions(asked))

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
        return await self._ask(records.cleanups(asked_cleanups(limit, span, scanner_id=scanner_id, where=where)))

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
        since_of: Mapping[str, int] | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        reverse: bool = False,
        follow: bool = False,
        progress: Progress | None = None,
    ) -> AsyncLogEntries:
        span = checked_span(since, until, self._archive)
        most = None if limit is None else checked_limit(limit)
        walks = walk_of(where, span, since_of or {}, reverse=reverse, follow=follow)
        logs = Logs(walks, lambda: self._sources.together, limit=most, reverse=reverse, follow=follow)
        return AsyncLogEntries(logs, self._ask, progress)

    async def show(self, wanted: str, *, namespace: str | None = None, progress: Progress | None = None) -> Shown:
        return await self._ask(showing.show(wanted, self._archive, progress, namespace))

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
        return await self._ask(trails.trail(resource, span, limit=limit))

    async def in_flight(self) -> list[InFlightRecord]:
        return await self._ask(records.in_flight())

    async def running(self, limit: int | None = None) -> list[Running]:
        return await self._ask(records.running(limit))

    async def orphans(self) -> list[InFlightRecord]:
        return await self._ask(records.orphans())

    async def action_stats(self, action_id: str, *, failures_only: bool = False) -> ActionStats:
        return await self._ask(statistics.action_stats(action_id, failures_only=failures_only))

    async def actions(self, sort: Sort = "recency", limit: int | None = None) -> list[ActionStats]:
        return await self._ask(statistics.actions(sort=sort, limit=limit))

    async def durations(self, action_ids: Iterable[str], *, failures_only: bool = False) -> dict[str, Histogram]:
        return await self._ask(statistics.durations(action_ids, failures_only=failures_only))

    async def duration_percentiles(self, action_ids: Iterable[str], percent: int = 95) -> dict[str, int]:
        return await self._ask(statistics.duration_percentiles(action_ids, percent))

    async def scanner_stats(self, scanner_id: str) -> ScannerStats:
        return await self._ask(statistics.scanner_stats(scanner_id))

    async def scanners(self) -> list[ScannerStats]:
        return await self._ask(statistics.scanners())

    async def totals(self) -> Totals:
        return await self._ask(statistics.totals())

    async def history(
        self,
        action_id: str | None = None,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        step: Step = "hour",
    ) -> History:
        return await self._ask(over_time.history(action_id, since=since, until=until, step=step))

    async def failure_kinds(
        self, action_id: str | None = None, *, since: Moment | None = None, limit: int | None = None
    ) -> Records[ActionFailureKind]:
        return await self._ask(kinds.failure_kinds(action_id, since=since, limit=limit))

    async def status(self, *, room: bool = False) -> Status:
        return await self._ask(standing.status(self.namespace, room=room))

    async def statuses(self, *, room: bool = False) -> list[Status]:
        return await self._ask(standing.statuses(room=room))

    async def memory(self) -> dict[str, int | None]:
        return await self._ask(standing.memory())

    async def verified(self) -> dict[str, LastVerified | None]:
        return await self._ask(standing.verified())

    async def producers(self, limit: int | None = 100) -> Records[ProducerStanding]:
        return await self._ask(producers.producers(limit))

    async def namespaces(self, *, seconds: float = 1.0) -> list[str]:
        return await self._sources.in_thread(lambda call_of: find_namespaces(call_of, seconds))

    async def close(self) -> None:
        await self._sources.close()

    async def __aenter__(self) -> AsyncQuery:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncQuery of namespace {self.namespace} at {self._sources.where}>"

    async def _ask(self, inquiry: Inquiry[_T]) -> _T:
        return await self._sources.ask(inquiry)
