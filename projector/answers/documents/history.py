"""What ran over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projector.answers.documents.answer import Answer, listed

if TYPE_CHECKING:
    from projector.answers.interval import Interval
    from projector.query import Query
    from projector.query.questions.history import History, Step


def history(query: Query, action: str | None, *, step: Step = "hour", between: Interval, now: int) -> History:
    """Of one action or all together, up to `now` (epoch ms) unless `between` ends before."""
    until = now + 1 if between.until is None else between.until
    return query.history(action, since=between.since, until=until, step=step)


def history_answer(found: History) -> Answer:
    from projector.query import Point, Records

    points = Records(found.points, complete=found.complete, since=found.since)
    return Answer(listed(points) | {"action_id": found.action_id, "step": found.step}, points, Point)
