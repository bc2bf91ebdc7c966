"""What ended over time: a bar for each bucket, with the failed on top."""

from markupsafe import Markup

from producer.text.moment import datetime_of
from producer.text.wording import counted
from projector.answers.wording.amounts import duration
from projector.query.questions.history import KEPT, Point, Step
from projector.web.drawing.stacked import Stack, stacked


def over_time(points: list[Point], *, step: Step, label: str, until: int | None = None) -> Markup:
    """`points`, at most 60, are each of one `step`; one that goes on beyond `until` (epoch ms) is unfinished."""
    stacks = []
    for point in points:
        moment = f"{datetime_of(point.start):{'%Y-%m-%d' if step == 'day' else '%Y-%m-%d %H:%M'}}"
        ended = f"{counted(point.runs, 'run')}, {point.failures:,} failed, {point.orphans:,} presumed dead"
        title = f"{moment} UTC: {ended}, p95 {duration(point.p95_duration_ms)}"
        parts = (max(0, point.runs - point.failures), point.failures, point.orphans)
        at = None if step == "day" else point.start  # a day is one of UTC, and has another name in no zone
        kind = "unfinished" if until is not None and point.start + KEPT[step].length > until else None
        stacks.append(Stack(title, moment[5:], parts, at, kind))
    return stacked(stacks, label, marks={})
