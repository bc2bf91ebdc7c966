"""`projector in-flight`: what runs now, and what is presumed dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from projector.answers.documents.answer import Answer
from projector.cli.addresses import Logs
from projector.cli.options import Rows
from projector.cli.read.answer import answer, open_query

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.records import InFlightRecord

LimitOrAll = Annotated[
    int | None,
    typer.Option("--limit", "-n", metavar="N", min=0, help="How many at most, the latest first.", show_default="all"),
]


def in_flight(
    orphans: Annotated[bool, typer.Option("--orphans", help="Only what is presumed dead.")] = False,
    limit: LimitOrAll = None,
    *,
    log: Logs,
    view: Rows,
) -> None:
    """What runs right now, the latest start first.

    Beside each run stands its action's p95: what takes longer than 95 % of the runs before is red. Below it stands
    what is presumed dead (with --json by --orphans).

    Example: projector in-flight --orphans
    """
    from projector.query import Running
    from projector.records import InFlightRecord

    with open_query(log) as query:
        dead = query.orphans()[:limit]
        runs = [] if orphans else query.running(limit)

        def fill(report: Report) -> None:
            if not orphans:
                report.in_flight(runs)
            if dead or orphans:
                report.orphans(dead)

        found: Sequence[InFlightRecord] = dead if orphans else runs
        told = Answer(found, found, InFlightRecord if orphans else Running)
        answer(query, told, view, fill)
