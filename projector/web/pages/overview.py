"""The overview: is all well, what happened over time, what runs, what fails, what is slow, what is late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from projector.expectation import Judgement, State, check
from projector.query import ActionStats
from projector.web.page.asked import Asked
from projector.web.page.time_series import STEPS, chart_of, points_of, spark_of
from projector.web.page.verdict import verdict_of

_LISTED = 8


def overview(asked: Asked) -> dict[str, Any]:
    query, step = asked.query, asked.choice("by", STEPS)
    status = query.status(room=True)
    history = asked.part(lambda: points_of(asked, None, step))
    return {
        "status": status,
        "verdict": verdict_of(status, asked.remark, asked.part(query.verified), asked.now),
        "totals": asked.part(query.totals),
        "steps": STEPS,
        "step": step,
        "history": history,
        "chart": chart_of(history, asked.now, "Runs over time, and how many of them failed"),
        "running": asked.part(lambda: sorted(query.running(), key=lambda run: (not run.overdue, run.started_at))),
        "kinds": asked.part(lambda: query.failure_kinds(limit=_LISTED)),
        "failing": _lines(asked, [each for each in asked.actions if _failed(each)], lambda each: -_failed(each)),
        "slowest": _lines(
            asked, [each for each in asked.actions if each.p95_duration_ms], lambda each: -(each.p95_duration_ms or 0)
        ),
        "expected": len(asked.expected),
        "late": asked.part(lambda: late(asked)),
        "listed": _LISTED,
    }


def late(asked: Asked) -> list[Judgement]:
    """The expectations of the settings file that do not hold, what is wrong first; those that hold are left out."""
    if not asked.expected:
        return []
    judged = check(asked.query, asked.expected.values(), patience=0)
    broken = [each for each in judged if each.state in (State.CRITICAL, State.UNKNOWN)]
    return sorted(broken, key=lambda each: (each.state is not State.CRITICAL, each.expectation.action_id))


def _failed(stats: ActionStats) -> int:
    return stats.failures + stats.orphaned


def _lines(
    asked: Asked, actions: Sequence[ActionStats], order: Callable[[ActionStats], int]
) -> list[tuple[ActionStats, str]]:
    """The first of the actions, each with what it did in the last hours."""
    first = sorted(actions, key=lambda each: (order(each), each.action_id))[:_LISTED]
    return [(stats, spark_of(asked, stats.action_id)) for stats in first]
