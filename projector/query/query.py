"""The query library: what ran, who triggered it, did it work, what runs now, what was deleted and by whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from producer.connection.client import Client, client_of
from producer.wal import DEFAULT_NAMESPACE
from projector.entry_id import order_of_any
from projector.keys import Keys
from projector.query.arguments import checked_limit, checked_name, checked_percent, checked_success
from projector.query.reading import read_at_one_instant, read_in_bulk
from projector.query.record_reader import CLEANUPS, EXECUTIONS, IN_FLIGHT
from projector.query.results import ActionStats, ScannerStats, Status, Totals
from projector.query.statistics import (
    ACTION_FIELDS,
    action_stats_of,
    name_in,
    percentile_of,
    scanner_stats_of,
    totals_of,
)
from projector.query.status import status_of
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord

_CHUNK = 1000
"""How many hashes are asked for in one round trip."""

_END = -1
"""Where a list ends, to LRANGE."""

_Stats = TypeVar("_Stats", ActionStats, ScannerStats)


class Query:
    """Reads the projection of `namespace`; writes nothing. Nothing is sent on construction. Safe under threads.

    `url_or_client`: a Redis URL, a redis-py client, or None for `WAL_URL`; `timeout` is the seconds to wait for a
    reply where a URL was given. Each call but `actions()`, `scanners()` and `duration_percentiles()` sees one
    instant. Results are newest first. A call raises ServerUnavailable, ServerRefused, Damaged, or InvalidQuery (a
    ValueError) for an argument.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        timeout: float = 5.0,
    ) -> None:
        self._keys = Keys(namespace)
        self.namespace = namespace
        self._client, self._owned = client_of(url_or_client, timeout=timeout)

    def recent_action_executions(
        self, limit: int = 10, *, action_id: str | None = None, success: bool | None = None
    ) -> list[ActionExecutionRecord]:
        """The latest `limit` executions that ended: of one action, and only those that succeeded or failed, if asked.

        Failures come from a list of their own, which no flood of successes evicts.
        """
        limit = checked_limit(limit)
        wanted = checked_success(success)
        wide = self._keys.failures if wanted is False else self._keys.executions

        def matches(record: ActionExecutionRecord) -> bool:
            return action_id in (None, record.action_id) and wanted in (None, record.success)

        if action_id is None:
            return self._executions(limit, [wide], matches, stop=_END if wanted else limit - 1)
        own = self._keys.executions_of(checked_name("action_id", action_id))
        # The action's own list is short and mostly enough; the wide one may reach further back.
        found = self._executions(limit, [own], matches, stop=limit - 1 if wanted is None else _END)
        return found if len(found) == limit else self._executions(limit, [own, wide], matches)

    def recent_cleanup_operations(self, limit: int = 10, *, scanner_id: str | None = None) -> list[CleanupRecord]:
        """The latest `limit` cleanups, of one scanner if asked."""
        limit = checked_limit(limit)
        if scanner_id is not None:
            checked_name("scanner_id", scanner_id)
        key = self._keys.cleanups
        (raws,) = self._lists(key, stop=limit - 1 if scanner_id is None else _END)
        return CLEANUPS.first(limit, raws, key, wanted=lambda record: scanner_id in (None, record.scanner_id))

    def recent_failures(self, limit: int = 10) -> list[ActionExecutionRecord]:
        """The latest `limit` executions that failed."""
        return self.recent_action_executions(limit, success=False)

    def in_flight(self) -> list[InFlightRecord]:
        """The executions that have started and not ended, the latest start first."""
        return self._started(self._keys.in_flight)

    def orphans(self) -> list[InFlightRecord]:
        """The executions that are presumed dead, since their producer fell silent; the latest start first."""
        return self._started(self._keys.orphans)

    def action_stats(self, action_id: str) -> ActionStats:
        """One action's statistics; zeros, and None for times, when it was never seen."""
        key = self._keys.action(checked_name("action_id", action_id))
        (raws,) = read_at_one_instant(self._client, ("HMGET", key, *ACTION_FIELDS))
        return action_stats_of(action_id, raws, key)

    def actions(self) -> list[ActionStats]:
        """Every action's statistics, the one with the latest activity first; each from an instant of its own."""
        return self._every(self._keys.actions, self._keys.action, ("HMGET", *ACTION_FIELDS), action_stats_of)

    def duration_percentiles(self, action_ids: Iterable[str], percent: int = 95) -> dict[str, int]:
        """The duration in ms that so many percent (1 to 100) of an action's runs did not exceed, by action.

        It comes from a histogram, and may be 3 % too high. Actions without a run that ended are left out.
        """
        percent = checked_percent(percent)
        names = sorted({checked_name("action_ids", action_id) for action_id in action_ids})
        keys = [self._keys.durations(name) for name in names]
        histograms = zip(names, keys, read_in_bulk(self._client, "HGETALL", keys), strict=True)
        found = ((name, percentile_of(histogram, percent, key)) for name, key, histogram in histograms)
        return {name: duration for name, duration in found if duration is not None}

    def scanner_stats(self, scanner_id: str) -> ScannerStats:
        """One scanner's statistics; zeros, and None for times, when it was never seen."""
        key = self._keys.scanner(checked_name("scanner_id", scanner_id))
        (found,) = read_at_one_instant(self._client, ("HGETALL", key))
        return scanner_stats_of(scanner_id, found, key)

    def scanners(self) -> list[ScannerStats]:
        """Every scanner's statistics, the one with the latest activity first; each from an instant of its own."""
        return self._every(self._keys.scanners, self._keys.scanner, ("HGETALL",), scanner_stats_of)

    def totals(self) -> Totals:
        """The counts for the life of the log."""
        (found,) = read_at_one_instant(self._client, ("HGETALL", self._keys.totals))
        return totals_of(found, self._keys.totals)

    def status(self) -> Status:
        """Where the projection stands: checkpoint, lag, the active projector, what was lost or refused."""
        keys = self._keys
        checkpoint, log, length, token, ttl, in_flight, orphans = read_at_one_instant(
            self._client,
            ("HGETALL", keys.checkpoint),
            ("XINFO STREAM", keys.wal),
            ("XLEN", keys.wal),
            ("GET", keys.lease),
            ("PTTL", keys.lease),
            ("HLEN", keys.in_flight),
            ("HLEN", keys.orphans),
        )
        return status_of(keys, checkpoint, log, length, (token, ttl), in_flight, orphans)

    def close(self) -> None:
        """Close the connections, if this object made them."""
        if self._owned:
            self._client.close()

    def __enter__(self) -> Query:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the way to the server --

    def _executions(
        self, limit: int, keys: list[bytes], wanted: Callable[[ActionExecutionRecord], bool], *, stop: int = _END
    ) -> list[ActionExecutionRecord]:
        # Each list is the newest part of a history that contains all that is wanted. So the one in which more is
        # found reaches further back, and has whatever the others have.
        lists = zip(keys, self._lists(*keys, stop=stop), strict=True)
        return max((EXECUTIONS.first(limit, raws, key, wanted=wanted) for key, raws in lists), key=len)

    def _lists(self, *keys: bytes, stop: int) -> list[list[bytes]]:
        return read_at_one_instant(self._client, *[("LRANGE", key, 0, stop) for key in keys])

    def _started(self, key: bytes) -> list[InFlightRecord]:
        (raws,) = read_at_one_instant(self._client, ("HVALS", key))
        records = [IN_FLIGHT.read(raw, key) for raw in raws]
        return sorted(records, key=lambda record: order_of_any(record.entry_id), reverse=True)

    def _every(
        self,
        index: bytes,
        key_of: Callable[[str], bytes],
        ask: tuple[str, *tuple[bytes, ...]],
        stats_of: Callable[[str, Any, bytes], _Stats],
    ) -> list[_Stats]:
        (members,) = read_at_one_instant(self._client, ("ZREVRANGE", index, 0, -1))
        command, *fields = ask
        found: list[_Stats] = []
        for start in range(0, len(members), _CHUNK):
            names = [name_in(member, index) for member in members[start : start + _CHUNK]]
            keys = [key_of(name) for name in names]
            hashes = read_in_bulk(self._client, command, keys, *fields)
            for name, key, raws in zip(names, keys, hashes, strict=True):
                if any(raws):  # else evicted since the names were read
                    found.append(stats_of(name, raws, key))
        return sorted(found, key=lambda stats: order_of_any(stats.last_entry_id), reverse=True)
