"""`projector history`: runs an hour or a day, with bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from projector.cli.addresses import Logs
from projector.cli.interval import Between
from projector.cli.options import Rows, View
from projector.cli.read.answer import answer, check_action, open_query

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.query import Query
    from projector.query.questions.history import History

_Action = Annotated[str | None, typer.Argument(metavar="ACTION", help="One action; without it, all together.")]
_By = Annotated[
    Literal["minute", "hour", "day"],
    typer.Option(
        "--by",
        metavar="STEP",
        help="A line for each minute (kept for 6 hours), hour (for 14 days) or day (for 400).",
    ),
]


def history(action: _Action = None, by: _By = "hour", *, between: Between, log: Logs, view: Rows) -> None:
    """How many runs ended over time, how many failed, how long they took; this week beside the last.

    Without --since the last hour by minutes, the last day by hours, the last week by days. Days are those of UTC.
    Minutes are kept of all actions together.

    An action never seen: zeros with --json, otherwise exit status 1.

    Example: projector history deploy --by day
    """
    from projector.answers.documents.history import history as history_of
    from projector.answers.documents.history import history_answer

    with open_query(log) as query:
        found = history_of(query, action, step=by, between=between, now=view.now)
        if action is not None and not view.for_programs and not found.runs:
            check_action(query, action)
        answer(query, history_answer(found), view, lambda report: _fill(report, query, found, view))


def _fill(report: Report, query: Query, found: History, view: View) -> None:
    from projector.query.questions.history import HOUR_MS, WEEK_MS

    points, before = found.points, None
    if found.step != "minute":
        since, until = points[0].start - WEEK_MS, points[-1].start + 1 - WEEK_MS
        before = query.history(found.action_id, since=since, until=until, step=found.step)
    now = view.now + 1
    weeks = query.history(found.action_id, since=now - 2 * WEEK_MS + HOUR_MS, until=now, step="hour")
    middle = weeks.points[len(weeks.points) // 2].start
    report.history(found, before, weeks.between(middle, now), weeks.between(0, middle))
