"""What happened over time, as pages draw it."""

from __future__ import annotations

from producer.text.wording import counted
from projector.query.questions.history import HOUR_MS, KEPT, History, Step
from projector.web.drawing.over_time import over_time
from projector.web.drawing.sparkline import sparkline
from projector.web.page.asked import Asked, Trouble

STEPS: tuple[Step, ...] = ("hour", "minute", "day")
_DRAWN: dict[Step, int] = {"minute": 60, "hour": 48, "day": 30}
"""Points of a chart."""
_HOURS = 24


def points_of(asked: Asked, action: str | None, step: Step) -> History:
    """The latest points, so many as a chart has room for; of an action there are no minutes."""
    since = asked.now - (_DRAWN[step] - 1) * KEPT[step].length
    return asked.query.history(action, since=since, until=asked.now + 1, step=step)


def chart_of(history: History | Trouble, now: int, label: str) -> str:
    if isinstance(history, Trouble):
        return ""
    return over_time(history.points, step=history.step, label=label, until=now)


def spark_of(asked: Asked, action: str) -> str:
    """What an action did in the last hours, as a line."""
    since = asked.now - (_HOURS - 1) * HOUR_MS
    found = asked.part(lambda: asked.query.history(action, since=since, until=asked.now + 1))
    if isinstance(found, Trouble):
        return ""
    runs, failures = [point.runs for point in found.points], [point.failures for point in found.points]
    told = f"{counted(sum(runs), 'run')} in {_HOURS} hours, {sum(failures):,} failed"
    return sparkline(runs, failures=failures, label=told)
