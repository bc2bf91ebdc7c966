"""What `top` shows, read at one moment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from projector.query import ActionStats, AsyncQuery, Running, Status
from projector.query.overview import by_urgency
from projector.query.questions.history import HOUR_MS, History
from projector.query.questions.statistics import Sort
from projector.records import ActionExecutionRecord, CleanupRecord

ORDERS: tuple[Sort, ...] = ("failures", "rate", "volume", "recency")
"""The orders of the first table of actions; the second has the slowest."""
HOURS = 12
_LISTED = 100
"""Records that are read of a list: what a filter leaves of them is shown."""
_ACTIONS = 20
_SECONDS = 5.0
"""Between two readings of the actions, which cost the most."""


@dataclass(frozen=True, slots=True)
class Activity:
    """An action, and what it did in the last hours."""

    stats: ActionStats
    history: History

    @property
    def action_id(self) -> str:
        return self.stats.action_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What there was at `at` (epoch ms). `status` is that of all namespaces together, `statuses` has that of each.
    `rate`: how many entries a second were written since the sample before. `running` begins with what takes longer
    than usual, the oldest first."""

    at: int
    status: Status
    statuses: Sequence[Status]
    rate: float | None
    running: Sequence[Running]
    failures: Sequence[ActionExecutionRecord]
    cleanups: Sequence[CleanupRecord]
    ranked: Sequence[Activity]
    slowest: Sequence[Activity]


class Sampler:
    """Takes samples; `order`, one of ORDERS, says how `ranked` are."""

    def __init__(self, query: AsyncQuery) -> None:
        self.order = ORDERS[0]
        self._query = query
        self._written: tuple[int, float] | None = None
        self._actions: tuple[Sort, list[Activity], list[Activity]] | None = None
        self._due = 0.0

    async def take(self) -> Sample:
        """Raises what the query does."""
        now, query = int(time.time() * 1000), self._query
        status = await query.status()
        order = self.order
        if self._actions is None or self._actions[0] != order or time.monotonic() >= self._due:
            self._actions = order, await self._sorted(order, now), await self._sorted("slowness", now)
            self._due = time.monotonic() + _SECONDS
        return Sample(
            at=now,
            status=status,
            statuses=await query.statuses(),
            rate=self._rate(status),
            running=by_urgency(await query.running()),
            failures=await query.recent_failures(_LISTED),
            cleanups=await query.recent_cleanup_operations(_LISTED),
            ranked=self._actions[1],
            slowest=self._actions[2],
        )

    def _rate(self, status: Status) -> float | None:
        before, self._written = self._written, (status.entries + (status.lag or 0), time.monotonic())
        if before is None:
            return None
        return max(0, self._written[0] - before[0]) / max(0.001, self._written[1] - before[1])

    async def _sorted(self, order: Sort, now: int) -> list[Activity]:
        since = now - (HOURS - 1) * HOUR_MS
        return [
            Activity(stats, await self._query.history(stats.action_id, since=since, until=now + 1))
            for stats in await self._query.actions(sort=order, limit=_ACTIONS)
        ]
