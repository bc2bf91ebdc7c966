"""The overview: is all well, what happened over time, what runs, what fails, what is slow, what is late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from projector.expectation import Judgement, State, check
from projector.query import ActionStats
from projector.query.overview import by_urgency
from projector.web.page.asked import Asked
from projector.web.page.time_series import STEPS, chart_of, points_of, spark_of
from projector.web.page.verdict import verdict_on

_LISTED = 8


def overview(asked: Asked) -> dict[str, Any]:
    query, step = asked.query, asked.choice("by", STEPS)
    status = query.status(room=True)
    history = asked.part(lambda: points_of(asked, None, step))
    parts = {
        "history": history,
        "totals": asked.part(query.totals),
        "running": asked.part(lambda: by_urgency(asked.running)),
        "kinds": asked.part(lambda: asked.kinds[:_LISTED]),
        "failing": asked.part(lambda: _lines(asked, _failed)),
        "slowest": asked.part(lambda: _lines(asked, lambda each: each.p95_duration_ms or 0)),
        "late": asked.part(lambda: late(asked)),
    }
    return {
        **parts,
        "status": status,
        "verdict": verdict_on(asked, status, asked.part(query.verified), *parts.values()),
        "steps": STEPS,
        "step": step,
        "chart": chart_of(history, asked.now, "Runs over time, and how many of them failed"),
        "expected": len(asked.expected),
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


def _lines(asked: Asked, much: Callable[[ActionStats], int]) -> list[tuple[ActionStats, str]]:
    """The actions that have most of something, each with what it did in the last hours."""
    having = (each for each in asked.actions if much(each))
    first = sorted(having, key=lambda each: (-much(each), each.action_id))[:_LISTED]
    return [(stats, spark_of(asked, stats.action_id)) for stats in first]
