"""The facts that expectations are judged by, asked of a query."""

import time
from collections.abc import Iterable

from projector.expectation.expectation import Expectation
from projector.expectation.judgement import Facts, Judgement, judge
from projector.query import Query
from projector.query.questions.history import Step
from projector.query.remarks import notice
from projector.records import InFlightRecord

_LATEST = 20
"""Runs that are looked at for the latest start: they may have ended in another order."""
_HOURS_MS = 13 * 86_400_000
"""Within which hours are kept of each action."""
PATIENCE = 2.0
"""Seconds for the projector to come to what the log has; a busy log has always something new."""


def check(
    query: Query, expectations: Iterable[Expectation], *, since: int | None = None, patience: float = PATIENCE
) -> list[Judgement]:
    """Whether each of `expectations` holds now. `since` (epoch ms, to the hour, or to the day before the 14 days that
    hours are kept for) asks for failures and the longest run since then, in place of failures in a row and the last
    run. A projector that is behind is given `patience` seconds. Raises as a query does."""
    stale = _stale(query, patience)
    runs = query.in_flight()
    now = int(time.time() * 1000)
    return [judge(each, _facts(query, each.action_id, runs, since), now=now, stale=stale) for each in expectations]


def _facts(query: Query, action_id: str, runs: list[InFlightRecord], since: int | None) -> Facts:
    stats = query.action_stats(action_id)
    ended = query.recent_action_executions(_LATEST, action_id=action_id)
    running = [run.started_at for run in runs if run.action_id == action_id]
    begun = [run.timestamp - (run.duration_ms or 0) if run.started_at is None else run.started_at for run in ended]
    failures, complete = stats.consecutive_failures, True
    duration_ms = next((run.duration_ms for run in ended if run.duration_ms is not None), None)
    if since is not None:
        step: Step = "hour" if since > time.time() * 1000 - _HOURS_MS else "day"
        history = query.history(action_id, since=since, step=step)
        failures, complete = history.failures + history.orphans, history.complete
        duration_ms = max((point.duration_ms_max for point in history.points), default=None)
    return Facts(
        failures=failures,
        error=stats.last_error if failures else None,
        first_at=min(begun, default=None) if stats.first_at is None else stats.first_at,
        last_success_at=stats.last_success_at,
        started_at=max([*begun, *running], default=stats.last_at),
        running_since=min(running, default=None),
        duration_ms=duration_ms,
        since=since,
        complete=complete,
    )


def _stale(query: Query, patience: float) -> str | None:
    """Why answers may be old; None once all is projected that was in the log when this was asked."""
    status = query.status()
    asked, deadline = status.entries + (status.lag or 0), time.monotonic() + patience
    while (found := notice(status)) and status.lag and status.lease_ttl_ms is not None:
        if status.entries >= asked:
            return None
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
        status = query.status()
    return found
