"""The query library: what ran, who triggered it, did it work, what runs now, what was deleted and by whom."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeVar

from producer.connection.client import Client, client_of, where
from producer.wal import DEFAULT_NAMESPACE
from projector.connection.exchange import drive
from projector.connection.reader import Reader
from projector.keys import Keys
from projector.query.arguments import Moment, Progress, checked_span
from projector.query.entries import LogEntries
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


class Query:
    """Reads the projection of `namespace`; writes nothing. Nothing is sent on construction. Safe under threads.

    `url_or_client`: a Redis URL, a redis-py client, or None for `WAL_URL`; `timeout` is the seconds to wait for a
    reply where a URL was given, `password_file` holds its password, read anew at each connection. `archive` says
    where entries are that were trimmed from the log: a directory, or a URL such as s3://bucket/prefix. Each call but
    `actions()`, `running()`, `scanners()`, `durations()` and `duration_percentiles()` sees one instant, but for what
    it reads in the log. Results are newest first; a `limit` of None sets none. A call raises ServerUnavailable,
    ServerRefused, Damaged, ArchiveUnavailable, or InvalidQuery (a ValueError) for an argument. `AsyncQuery` has the
    same calls for asyncio.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        timeout: float = 5.0,
        password_file: str | os.PathLike[str] | None = None,
        archive: str | None = None,
    ) -> None:
        self._keys = Keys(namespace)
        self.namespace = namespace
        self._archive = archive
        self._client, self._owned = client_of(url_or_client, namespace, timeout=timeout, password_file=password_file)
        self._reader = Reader(self._client, self._keys.wal)

    def recent_action_executions(
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
        """The latest `limit` executions that ended: of one action, and only those that succeeded or failed, if asked.

        `where` asks for more. `since` and `until` are epoch ms or datetimes with a zone, by the server's clock. With
        `since` the answer goes on in the log, and in the archive, where the projection's lists end. Failures come
        from a list of their own, which no flood of successes evicts. `progress` is told how far the search is.
        """
        span = checked_span(since, until, self._archive, progress)
        return self._ask(lists.executions(self._keys, limit, span, action_id=action_id, success=success, where=where))

    def recent_cleanup_operations(
        self,
        limit: int | None = 10,
        *,
        scanner_id: str | None = None,
        where: Filter | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        progress: Progress | None = None,
    ) -> Records[CleanupRecord]:
        """The latest `limit` cleanups, of one scanner if asked; the rest as for executions."""
        span = checked_span(since, until, self._archive, progress)
        return self._ask(lists.cleanups(self._keys, limit, span, scanner_id=scanner_id, where=where))

    def recent_failures(
        self,
        limit: int | None = 10,
        *,
        where: Filter | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        progress: Progress | None = None,
    ) -> Records[ActionExecutionRecord]:
        """The latest `limit` executions that failed."""
        return self.recent_action_executions(
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
    ) -> LogEntries:
        """The entries of the log that `where` wants (None: all), newest first, or if `reverse` oldest first.

        They were written from `since` on and before `until`: epoch ms or datetimes with a zone, by the server's
        clock. They are read as they are iterated over, from the archive too if there is one. With `follow` the last
        `limit` come oldest first, and then each new one, without end: no entry is missed and none comes twice while
        the server restarts and the log is trimmed into the archive.
        """
        walk = walk_of(
            self.namespace,
            where,
            checked_span(since, until, self._archive),
            limit=limit,
            reverse=reverse,
            follow=follow,
        )
        return LogEntries(walk, self._ask, progress)

    def show(self, wanted: str, *, progress: Progress | None = None) -> Shown:
        """Everything about the run, cleanup or decision that `wanted` names: by an entry id, an execution id, or the
        beginning of one that no other has in the projection, or else in the log.

        `query.show(record.entry_id).output` is what the run of a record printed. What the projection has no more is
        looked for in the log and the archive. Raises ProjectorError for an id that names nothing, or several.
        """
        return self._ask(showing.show(self._keys, wanted, self._archive, progress))

    def trail(
        self,
        resource: str,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> Records[Deed]:
        """All that was done to what is like the glob `resource`, the latest first, and in which runs; also what only
        the log and the archive have. The arguments are those of `recent_cleanup_operations`."""
        span = checked_span(0 if since is None else since, until, self._archive, progress)
        return self._ask(trails.trail(self._keys, resource, span, limit=limit))

    def in_flight(self) -> list[InFlightRecord]:
        """The executions that have started and not ended, the latest start first."""
        return self._ask(lists.started(self._keys.in_flight))

    def running(self, limit: int | None = None) -> list[Running]:
        """The executions that have started and not ended, the latest start first, each beside its action's p95; what
        takes longer than that is `overdue`."""
        return self._ask(statistics.running(self._keys, limit))

    def orphans(self) -> list[InFlightRecord]:
        """The executions that are presumed dead, since their producer fell silent; the latest start first."""
        return self._ask(lists.started(self._keys.orphans))

    def action_stats(self, action_id: str, *, failures_only: bool = False) -> ActionStats:
        """One action's statistics; zeros, and None for times, when it was never seen.

        With `failures_only` the percentiles are those of the runs that failed.
        """
        return self._ask(statistics.action_stats(self._keys, action_id, failures_only=failures_only))

    def actions(self, sort: Sort = "recency", limit: int | None = None) -> list[ActionStats]:
        """Every action's statistics, each from an instant of its own: the first `limit` by `sort`.

        `recency`: the latest activity first; `failures`: the most failures and runs presumed dead; `rate`: the lowest
        success rate; `slowness`: the highest p95; `volume`: the most runs. Those that are equal come by recency.
        """
        return self._ask(statistics.actions(self._keys, sort=sort, limit=limit))

    def durations(self, action_ids: Iterable[str], *, failures_only: bool = False) -> dict[str, Histogram]:
        """How long the runs of each action took, or those that failed. `Histogram.merged` adds several up."""
        return self._ask(statistics.durations(self._keys, action_ids, failures_only=failures_only))

    def duration_percentiles(self, action_ids: Iterable[str], percent: int = 95) -> dict[str, int]:
        """The duration in ms that so many percent (1 to 100) of an action's runs did not exceed, by action.

        It comes from a histogram, and may be 3 % too high. Actions without a run that ended are left out.
        """
        return self._ask(statistics.duration_percentiles(self._keys, action_ids, percent))

    def scanner_stats(self, scanner_id: str) -> ScannerStats:
        """One scanner's statistics; zeros, and None for times, when it was never seen."""
        return self._ask(statistics.scanner_stats(self._keys, scanner_id))

    def scanners(self) -> list[ScannerStats]:
        """Every scanner's statistics, the one with the latest activity first; each from an instant of its own."""
        return self._ask(statistics.scanners(self._keys))

    def totals(self) -> Totals:
        """The counts for the life of the log."""
        return self._ask(statistics.totals(self._keys))

    def history(
        self,
        action_id: str | None = None,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        step: Step = "hour",
    ) -> History:
        """What ended over time: in all, or of one action, by whole buckets of UTC, and how long it took.

        Without `since` the last hour by minutes, the last day by hours, the last week by days. Minutes are kept for 6
        hours and of all actions together, hours for 14 days, days for 400.
        """
        return self._ask(over_time.history(self._keys, action_id, since=since, until=until, step=step))

    def failure_kinds(
        self, action_id: str | None = None, *, since: Moment | None = None, limit: int | None = None
    ) -> Records[ActionFailureKind]:
        """Failures whose errors differ in no more than numbers, ids, paths and the like, together: of one action if
        asked, and those seen `since` then. What is new since then comes first, then the latest."""
        return self._ask(kinds.failure_kinds(self._keys, action_id, since=since, limit=limit))

    def status(self, *, room: bool = False) -> Status:
        """Where the projection stands: checkpoint, lag, the active projector, what was lost or refused.

        With `room` it also reads the newest entries, at most a MiB, to reckon `room_seconds`.
        """
        return self._ask(standing.status(self._keys, room=room))

    def namespaces(self, *, seconds: float = 1.0) -> list[str]:
        """The namespaces that have a log on this server, as far as a search of `seconds` goes.

        None if this account has no right to SCAN.
        """
        return self._ask(standing.namespaces(seconds=seconds))

    def close(self) -> None:
        """Close the connections, if this object made them."""
        if self._owned:
            self._client.close()

    def __enter__(self) -> Query:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Query of namespace {self.namespace} at {where(self._client)}>"

    def _ask(self, question: Question[_T]) -> _T:
        return drive(question, self._reply)

    def _reply(self, request: Request) -> Any:
        match request:
            case AtOneInstant(commands):
                return self._reader.at_one_instant(*commands)
            case Each(commands):
                return self._reader.each(*commands)
            case _:
                return request.work(self._reader.call)
