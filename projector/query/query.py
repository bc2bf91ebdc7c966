"""The query library: what ran, who triggered it, did it work, what runs now, what was deleted and by whom."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TypeVar

from producer.connection.client import Client
from producer.wal import DEFAULT_NAMESPACE
from projector.query.arguments import Moment, Progress, checked_limit, checked_span
from projector.query.entries import LogEntries
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
from projector.query.sources.sources import Sources, wanted_of
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from projector.search.filter import Filter

_T = TypeVar("_T")


class Query:
    """Reads the projection of `namespace`; writes nothing. Nothing is sent on construction. Safe under threads.

    Or of the `namespaces` like these names and globs, and of all partitions, together: counts and histograms add up,
    lists merge by the times of their entries. They are looked for with the first call, and again every 30 s.

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
        namespaces: Iterable[str] | None = None,
        timeout: float = 5.0,
        password_file: str | os.PathLike[str] | None = None,
        archive: str | None = None,
    ) -> None:
        wanted, self.namespace = wanted_of(namespace, namespaces)
        self._archive = archive
        self._sources = Sources(url_or_client, wanted, timeout=timeout, password_file=password_file)

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
        asked = asked_executions(limit, span, action_id=action_id, success=success, where=where)
        return self._ask(records.executions(asked))

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
        return self._ask(records.cleanups(asked_cleanups(limit, span, scanner_id=scanner_id, where=where)))

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
        since_of: Mapping[str, int] | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        reverse: bool = False,
        follow: bool = False,
        progress: Progress | None = None,
    ) -> LogEntries:
        """The entries of the log that `where` wants (None: all), newest first, or if `reverse` oldest first.

        They were written from `since` on and before `until`: epoch ms or datetimes with a zone, by the server's
        clock; those of a namespace that `since_of` names, from that epoch ms on instead. They are read as they are
        iterated over, from the archive too if there is one. With `follow` the last `limit` come oldest first, and
        then each new one, without end: no entry is missed and none comes twice while the server restarts and the log
        is trimmed into the archive.
        """
        span = checked_span(since, until, self._archive)
        most = None if limit is None else checked_limit(limit)
        walks = walk_of(where, span, since_of or {}, reverse=reverse, follow=follow)
        logs = Logs(walks, lambda: self._sources.together, limit=most, reverse=reverse, follow=follow)
        return LogEntries(logs, self._ask, progress)

    def show(self, wanted: str, *, namespace: str | None = None, progress: Progress | None = None) -> Shown:
        """Everything about the run, cleanup or decision that `wanted` names: by an entry id, an execution id, or the
        beginning of one that no other has in the projection, or else in the log.

        `query.show(record.entry_id).output` is what the run of a record printed. What the projection has no more is
        looked for in the log and the archive. An entry id may be in several namespaces: `namespace` says which is
        meant, as the record does. Raises ProjectorError for an id that names nothing, or several.
        """
        return self._ask(showing.show(wanted, self._archive, progress, namespace))

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
        return self._ask(trails.trail(resource, span, limit=limit))

    def in_flight(self) -> list[InFlightRecord]:
        """The executions that have started and not ended, the latest start first."""
        return self._ask(records.in_flight())

    def running(self, limit: int | None = None) -> list[Running]:
        """The executions that have started and not ended, the latest start first, each beside its action's p95; what
        takes longer than that is `overdue`."""
        return self._ask(records.running(limit))

    def orphans(self) -> list[InFlightRecord]:
        """The executions that are presumed dead, since their producer fell silent; the latest start first."""
        return self._ask(records.orphans())

    def action_stats(self, action_id: str, *, failures_only: bool = False) -> ActionStats:
        """One action's statistics; zeros, and None for times, when it was never seen.

        With `failures_only` the percentiles are those of the runs that failed.
        """
        return self._ask(statistics.action_stats(action_id, failures_only=failures_only))

    def actions(self, sort: Sort = "recency", limit: int | None = None) -> list[ActionStats]:
        """Every action's statistics, each from an instant of its own: the first `limit` by `sort`.

        `recency`: the latest activity first; `failures`: the most failures and runs presumed dead; `rate`: the lowest
        success rate; `slowness`: the highest p95; `volume`: the most runs. Those that are equal come by recency.
        """
        return self._ask(statistics.actions(sort=sort, limit=limit))

    def durations(self, action_ids: Iterable[str], *, failures_only: bool = False) -> dict[str, Histogram]:
        """How long the runs of each action took, or those that failed. `Histogram.merged` adds several up."""
        return self._ask(statistics.durations(action_ids, failures_only=failures_only))

    def duration_percentiles(self, action_ids: Iterable[str], percent: int = 95) -> dict[str, int]:
        """The duration in ms that so many percent (1 to 100) of an action's runs did not exceed, by action.

        It comes from a histogram, and may be 3 % too high. Actions without a run that ended are left out.
        """
        return self._ask(statistics.duration_percentiles(action_ids, percent))

    def scanner_stats(self, scanner_id: str) -> ScannerStats:
        """One scanner's statistics; zeros, and None for times, when it was never seen."""
        return self._ask(statistics.scanner_stats(scanner_id))

    def scanners(self) -> list[ScannerStats]:
        """Every scanner's statistics, the one with the latest activity first; each from an instant of its own."""
        return self._ask(statistics.scanners())

    def totals(self) -> Totals:
        """The counts for the life of the log."""
        return self._ask(statistics.totals())

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
        return self._ask(over_time.history(action_id, since=since, until=until, step=step))

    def failure_kinds(
        self, action_id: str | None = None, *, since: Moment | None = None, limit: int | None = None
    ) -> Records[ActionFailureKind]:
        """Failures whose errors differ in no more than numbers, ids, paths and the like, together: of one action if
        asked, and those seen `since` then. What is new since then comes first, then the latest."""
        return self._ask(kinds.failure_kinds(action_id, since=since, limit=limit))

    def status(self, *, room: bool = False) -> Status:
        """Where the projection stands: checkpoint, lag, the active projector, what was lost or refused.

        With `room` it also reads the newest entries, at most a MiB, to reckon `room_seconds`.
        """
        return self._ask(standing.status(self.namespace, room=room))

    def statuses(self, *, room: bool = False) -> list[Status]:
        """Where each namespace stands, in the order of their names."""
        return self._ask(standing.statuses(room=room))

    def memory(self) -> dict[str, int | None]:
        """The bytes of memory that each namespace takes, as the server reckons them: its log and its projection.

        It samples: a few values of each key, and a few of the actions, scanners and hours, which stand for all. None
        without the right to MEMORY USAGE.
        """
        return self._ask(standing.memory())

    def verified(self) -> dict[str, LastVerified | None]:
        """What the last `projector verify` of each namespace found; None if none is on record."""
        return self._ask(standing.verified())

    def producers(self, limit: int | None = 100) -> Records[ProducerStanding]:
        """The producers that the projection knows, those with gaps first, then the one with the latest entry."""
        return self._ask(producers.producers(limit))

    def namespaces(self, *, seconds: float = 1.0) -> list[str]:
        """The namespaces that have a log on this server, or on any master of the cluster, as far as a search of
        `seconds` goes.

        None if this account has no right to SCAN.
        """
        return find_namespaces(self._sources.call_of, seconds)

    def close(self) -> None:
        """Close the connections, if this object made them."""
        self._sources.close()

    def __enter__(self) -> Query:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Query of namespace {self.namespace} at {self._sources.where}>"

    def _ask(self, inquiry: Inquiry[_T]) -> _T:
        return self._sources.ask(inquiry)


def asked(query: Query, inquiry: Inquiry[_T]) -> _T:
    """The answer of `query` to an inquiry that is none of its calls."""
    return query._ask(inquiry)
