"""`projector stats`: everything at a glance, or one action."""

from __future__ import annotations

from dataclasses import asdict
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
    from projector.query import ActionStats
    from projector.query.overview import Overview

    limit, status = 10 if most is None else most, query.status()
    document = Overview(
        totals=query.totals(),
        lost=status.lost,
        actions=query.actions(sort),
        in_flight=query.running(),
        orphans=query.orphans(),
        recent_executions=query.recent_action_executions(limit),
        recent_cleanups=query.recent_cleanup_operations(limit),
    )

    def fill(report: Report) -> None:
        report.totals(document.totals)
        report.actions(document.actions, sort=sort, limit=limit)
        report.overdue(document.in_flight)
        report.orphans(document.orphans[:limit], none=None)
        report.executions(document.recent_executions, title="Recent executions", none=None)
        report.cleanups(document.recent_cleanups, title="Recent cleanups", none=None)

    answer(query, document, view, fill, rows=document.actions[:most], of=ActionStats, status=status)


def _stats_of_one(query: Query, action: str, limit: int, view: View) -> None:
    from projector.query.overview import ActionOverview

    if not view.for_programs:
        check_action(query, action)
    stats = query.action_stats(action)
    document = ActionOverview(
        **asdict(stats),
        in_flight=[run for run in query.running() if run.action_id == action],
        orphans=[record for record in query.orphans() if record.action_id == action],
    )

    def fill(report: Report) -> None:
        report.action(document)
        report.in_flight(document.in_flight, title="Running", none=None)
        report.orphans(document.orphans[:limit], none=None)
        executions = query.recent_action_executions(limit, action_id=action)
        report.executions(executions, title="Recent executions", none=None)

    answer(query, document, view, fill, rows=[stats], of=type(stats))
