"""What ran over time in several namespaces: points of one start add up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from projector.query.arguments import Moment
from projector.query.merging.records import latest_of
from projector.query.questions import history as over_time
from projector.query.questions.history import History, Point, Step, histogram_of
from projector.query.questions.question import Inquiry, each


def history(action_id: str | None, *, since: Moment | None, until: Moment | None, step: Step) -> Inquiry[History]:
    asked = over_time.buckets(action_id, since=since, until=until, step=step, now=int(time.time() * 1000))
    answers = [*(yield from each(lambda keys: over_time.history(keys, action_id, asked))).values()]
    if len(answers) == 1:
        return answers[0]
    points = zip(*(answer.points for answer in answers), strict=True)
    return History(
        action_id=action_id,
        step=step,
        complete=all(answer.complete for answer in answers),
        since=latest_of([answer.since for answer in answers]) if answers else asked.starts[0],
        points=[_sum(of_a_start) for of_a_start in points] if answers else [_nothing(at) for at in asked.starts],
    )


def _sum(points: Sequence[Point]) -> Point:
    durations: Counter[int] = Counter()
    for point in points:
        durations.update(point.durations)
    p50, p95 = histogram_of(durations).percentiles(50, 95)
    return replace(
        points[0],
        runs=sum(point.runs for point in points),
        failures=sum(point.failures for point in points),
        orphans=sum(point.orphans for point in points),
        duration_ms_sum=sum(point.duration_ms_sum for point in points),
        duration_ms_max=max(point.duration_ms_max for point in points),
        p50_duration_ms=p50,
        p95_duration_ms=p95,
        durations=dict(durations),
    )


def _nothing(start: int) -> Point:
    return Point(start, 0, 0, 0, 0, 0, None, None, {})
