"""`projector show` and `trail`: all about one run, cleanup or decision, and all that was done to a resource."""

from __future__ import annotations

from typing import Annotated

import typer

from producer.terminal.progress import progress_bar
from projector.answers.documents.answer import Answer
from projector.cli.addresses import Logs
from projector.cli.interval import Between
from projector.cli.options import ArchiveOption, Rows, Tables
from projector.cli.read.answer import answer, open_query
from projector.cli.read.running import LimitOrAll

_Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="An entry id, an execution id, or the beginning of one.", show_default=False),
]
_Resource = Annotated[str, typer.Argument(metavar="RESOURCE", help="Its id; 'lock:*' means all that are like it.")]


def show(wanted: _Id, archive: ArchiveOption = None, *, log: Logs, view: Tables) -> None:
    """Everything about one run, one cleanup or one decision: who, when, how long, error and output in full.

    What the projection has no more is looked for in the log, and in the archive if one is named. An id that names
    nothing, or several: exit status 1.

    Example: projector show 1f3a
    """
    with open_query(log, archive) as query:
        with progress_bar("Searching", after_a_moment=True) as progress:
            found = query.show(wanted, progress=progress)
        answer(query, Answer(found), view, lambda report: report.shown(found))


def trail(
    resource: _Resource,
    archive: ArchiveOption = None,
    limit: LimitOrAll = None,
    *,
    between: Between,
    log: Logs,
    view: Rows,
) -> None:
    """All that was done to a resource, the latest first: by which scanner, when, by whom, in which run.

    It comes from the log, and from the archive if one is named.

    Example: projector trail lock:deploy --since yesterday
    """
    from projector.query.questions.trail import Deed

    with open_query(log, archive) as query:
        with progress_bar("Searching", after_a_moment=True) as progress:
            found = query.trail(resource, since=between.since, until=between.until, limit=limit, progress=progress)
        answer(query, Answer.of_records(found, Deed), view, lambda report: report.deeds(found))
