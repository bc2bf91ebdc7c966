"""One action: how long it takes, what it did, this week beside the last, how it fails, what is expected of it."""

from __future__ import annotations

from typing import Any

from projector.answers.documents.stats import action_overview
from projector.errors import ProjectorError
from projector.expectation import check
from projector.query.questions.history import HOUR_MS, WEEK_MS, History
from projector.query.remarks import did_you_mean
from projector.web.drawing.histogram import durations
from projector.web.page.asked import Asked, Trouble
from projector.web.page.time_series import STEPS, chart_of, points_of

_RUNS = 20
_KINDS = 8


def action(asked: Asked) -> dict[str, Any]:
    query, name = asked.query, asked.exactly("id")
    stats = action_overview(query, name)
    if stats.last_entry_id is None and not stats.in_flight and not stats.orphans:
        meant = did_you_mean(name, [each.action_id for each in query.actions()])
        raise NotThere(f"there is no action {name!r}: it was never seen, or is no longer kept.{meant}")
    step = asked.choice("by", (STEPS[0], STEPS[2]))
    history = asked.part(lambda: points_of(asked, name, step))
    histogram = asked.part(lambda: query.durations([name])[name])
    percents = {f"p{percent}": getattr(stats, f"p{percent}_duration_ms") for percent in (50, 95, 99)}
    return {
        "title": name,
        "stats": stats,
        "histogram": histogram,
        "durations": ""
        if isinstance(histogram, Trouble) or not histogram.count
        else durations(histogram.buckets, percentiles=percents, label=f"How long the runs of {name} took"),
        "steps": (STEPS[0], STEPS[2]),
        "step": step,
        "history": history,
        "chart": chart_of(history, asked.now, f"Runs of {name} over time, and how many of them failed"),
        "weeks": asked.part(lambda: _weeks(asked, name)),
        "runs": asked.part(lambda: query.recent_action_executions(_RUNS, action_id=name)),
        "kinds": asked.part(lambda: query.failure_kinds(name, limit=_KINDS)),
        "judged": asked.part(lambda: check(query, [asked.expected[name]], patience=0)[0])
        if name in asked.expected
        else None,
    }


class NotThere(ProjectorError):
    """There is nothing of that name."""


def _weeks(asked: Asked, name: str) -> tuple[History, History]:
    """This week, and the last."""
    now = asked.now + 1
    both = asked.query.history(name, since=now - 2 * WEEK_MS + HOUR_MS, until=now, step="hour")
    middle = both.points[len(both.points) // 2].start
    return both.between(middle, now), both.between(0, middle)
