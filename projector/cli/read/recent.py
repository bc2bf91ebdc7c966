"""`projector recent`, `failures` and `cleanups`: the latest that ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.terminal.options import Log
from producer.terminal.progress import progress_bar
from projector.cli.filters import RecordFilters
from projector.cli.interval import Between, Interval
from projector.cli.options import ArchiveOption, Rows
from projector.cli.read.answer import answer, check_action, check_scanner, listed, open_query
from projector.records import ActionExecutionRecord, CleanupRecord

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.search import Filter

_Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        "-n",
        metavar="N",
        min=0,
        help="How many at most, the latest first.",
        show_default="10, or all since a time",
    ),
]
_Grouped = Annotated[
    bool,
    typer.Option(
        "--grouped", help="Count failures whose errors are alike together; takes --action NAME and --since."
    ),
]


def recent(
    limit: _Limit = None,
    archive: ArchiveOption = None,
    *,
    where: RecordFilters,
    between: Between,
    log: Log,
    view: Rows,
) -> None:
    """The latest executions that have ended.

    With --since they go on in the log, and in the archive, where the projection's lists end. An action never seen: an
    empty list with --json, otherwise exit status 1.

    Example: projector recent --failed --since yesterday --limit 20
    """
    most = 10 if limit is None and between.since is None else limit
    with open_query(log, archive) as query:
        action, rest = _one("action", where)
        with progress_bar("Searching", after_a_moment=True) as progress:
            records = query.recent_action_executions(
                most, action_id=action, where=rest, since=between.since, until=between.until, progress=progress
            )
        if action is not None and not records and not view.for_programs:
            check_action(query, action)
        none = "no execution that has ended is like that"

        def fill(report: Report) -> None:
            report.executions(records, none=none)
            report.reach(records, most, between.since)

        answer(query, listed(records), view, fill, rows=records, of=ActionExecutionRecord)


def failures(
    grouped: _Grouped = False,
    limit: _Limit = None,
    archive: ArchiveOption = None,
    *,
    where: RecordFilters,
    between: Between,
    log: Log,
    view: Rows,
) -> None:
    """The latest executions that have failed.

    With --since they go on in the log, and in the archive, where the projection's list ends. With --grouped those
    whose errors are alike are counted together, and what is new since --since comes first.

    Example: projector failures --grouped --since yesterday
    """
    from projector.search import Filter

    most = 10 if limit is None and between.since is None else limit
    with open_query(log, archive) as query:
        if grouped:
            from projector.query.questions.kinds import ActionFailureKind

            action, rest = _one("action", where)
            if between.until is not None or rest != Filter():
                told = "it takes no filter but --since, and --action with the name of one"
                raise typer.BadParameter(told, param_hint="--grouped")
            most = 10 if limit is None else limit
            kinds = query.failure_kinds(action, since=between.since, limit=most)
            if action is not None and not kinds and not view.for_programs:
                check_action(query, action)
            ever = "no execution has failed" if between.since is None else "no execution has failed in that time"

            def group(report: Report) -> None:
                report.kinds(kinds, none=ever)
                report.cut(kinds, most)

            answer(query, listed(kinds), view, group, rows=kinds, of=ActionFailureKind)
            return
        if where.success:
            raise typer.BadParameter("failures are what failed", param_hint="--ok")
        with progress_bar("Searching", after_a_moment=True) as progress:
            records = query.recent_failures(
                most, where=where, since=between.since, until=between.until, progress=progress
            )

        asks = where != Filter() or between != Interval()
        none = "no failed execution is like that" if asks else "no execution has failed"

        def fill(report: Report) -> None:
            report.failures(records, none=none)
            report.reach(records, most, between.since)

        answer(query, listed(records), view, fill, rows=records, of=ActionExecutionRecord)


def cleanups(
    limit: _Limit = None,
    archive: ArchiveOption = None,
    *,
    where: RecordFilters,
    between: Between,
    log: Log,
    view: Rows,
) -> None:
    """The latest cleanups: what was deleted or released, and by whom.

    With --since they go on in the log, and in the archive, where the projection's list ends. A scanner never seen: an
    empty list with --json, otherwise exit status 1.

    Example: projector cleanups --resource 'lock:*' --limit 20
    """
    from projector.search import Filter

    most = 10 if limit is None and between.since is None else limit
    with open_query(log, archive) as query:
        scanner, rest = _one("scanner", where)
        with progress_bar("Searching", after_a_moment=True) as progress:
            records = query.recent_cleanup_operations(
                most, scanner_id=scanner, where=rest, since=between.since, until=between.until, progress=progress
            )
        if scanner is not None and not records and not view.for_programs:
            check_scanner(query, scanner)
        asks = scanner or rest != Filter() or between != Interval()
        none = "no cleanup is like that" if asks else "nothing has been cleaned up yet"

        def fill(report: Report) -> None:
            report.cleanups(records, none=none)
            report.reach(records, most, between.since)

        answer(query, listed(records), view, fill, rows=records, of=CleanupRecord)


def _one(name: str, where: Filter) -> tuple[str | None, Filter]:
    """The one action or scanner that is meant, which has its own list or may be mistyped, and the rest of `where`."""
    glob = getattr(where, name)
    if glob is None or set(glob) & set("*?["):
        return None, where
    rest: dict[str, Any] = {name: None}
    return glob, replace(where, **rest)
