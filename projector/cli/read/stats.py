"""`projector stats`: everything at a glance, or one action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from projector.cli.addresses import Logs
from projector.cli.options import Rows, View
from projector.cli.read.answer import answer, check_action, open_query

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.query import Query

_Action = Annotated[
    str | None, typer.Argument(metavar="ACTION", help="One action; without it, everything at a glance.")
]
_Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", "-n", metavar="N", min=0, help="How many at most.", show_default="10, or all actions as rows"
    ),
]
Sort = Literal["recency", "failures", "rate", "slowness", "volume"]
_Sort = Annotated[
    Sort,
    typer.Option(
        metavar="ORDER", help="Actions by recency, failures, rate (of success), slowness (their p95) or volume."
    ),
]


def stats(action: _Action = None, sort: _Sort = "recency", limit: _Limit = None, *, log: Logs, view: Rows) -> None:
    """Totals, actions, recent runs; or the statistics of one action.

    With --json all actions are there, all that runs and all that is presumed dead, whatever the limit. The rows of
    --jsonl and CSV are actions, all of them unless there is a limit.

    An action never seen: zeros with --json, otherwise exit status 1.

    Example: projector stats --sort failures --limit 5
    """
    with open_query(log) as query:
        if action is None:
            _stats_of_all(query, sort, limit, view)
        else:
            _stats_of_one(query, action, 10 if limit is None else limit, view)


def _stats_of_all(query: Query, sort: Sort, most: int | None, view: View) -> None:
    from projector.answers.documents.stats import overview, stats_answer

    limit, status = 10 if most is None else most, query.status()
    document = overview(query, sort=sort, limit=limit, status=status)

    def fill(report: Report) -> None:
        report.totals(document.totals)
        report.actions(document.actions, sort=sort, limit=limit)
        report.overdue(document.in_flight)
        report.orphans(document.orphans[:limit], none=None)
        report.executions(document.recent_executions, title="Recent executions", none=None)
        report.cleanups(document.recent_cleanups, title="Recent cleanups", none=None)

    answer(query, stats_answer(document, most), view, fill, status=status)


def _stats_of_one(query: Query, action: str, limit: int, view: View) -> None:
    from projector.answers.documents.stats import action_answer, action_overview

    if not view.for_programs:
        check_action(query, action)
    document = action_overview(query, action)

    def fill(report: Report) -> None:
        report.action(document)
        report.in_flight(document.in_flight, title="Running", none=None)
        report.orphans(document.orphans[:limit], none=None)
        executions = query.recent_action_executions(limit, action_id=action)
        report.executions(executions, title="Recent executions", none=None)

    answer(query, action_answer(document), view, fill)
