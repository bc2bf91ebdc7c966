"""`projector recent`, `failures` and `cleanups`: the latest that ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.terminal.progress import progress_bar
from projector.answers import records as answers
from projector.answers.documents.answer import Answer
from projector.answers.filters import one_of
from projector.answers.interval import Interval
from projector.answers.parameter import WrongParameter
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.filters import RecordFilters
from projector.cli.interval import Between
from projector.cli.options import ArchiveOption, Rows, View
from projector.cli.read.answer import answer, check_action, check_scanner, open_query
from projector.records import ActionExecutionRecord, CleanupRecord

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.query import Query, Records
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
    log: Logs,
    view: Rows,
) -> None:
    """The latest executions that have ended.

    With --since they go on in the log, and in the archive, where the projection's lists end. An action never seen: an
    empty list with --json, otherwise exit status 1.

    Example: projector recent --failed --since yesterday --limit 20
    """
    action, _ = one_of("action", where)
    with open_query(log, archive) as query:
        _answer(
            query,
            partial(answers.recent, query, where),
            lambda report, records: report.executions(records, none="no execution that has ended is like that"),
            limit=limit,
            between=between,
            view=view,
            of=ActionExecutionRecord,
            check=None if action is None else lambda: check_action(query, action),
        )


def failures(
    grouped: _Grouped = False,
    limit: _Limit = None,
    archive: ArchiveOption = None,
    *,
    where: RecordFilters,
    between: Between,
    log: Logs,
    view: Rows,
) -> None:
    """The latest executions that have failed.

    With --since they go on in the log, and in the archive, where the projection's list ends. With --grouped those
    whose errors are alike are counted together, and what is new since --since comes first.

    Example: projector failures --grouped --since yesterday
    """
    from projector.search import Filter

    if grouped:
        _kinds(limit, where, between, log, view)
        return
    asks = where != Filter() or between != Interval()
    none = "no failed execution is like that" if asks else "no execution has failed"
    with open_query(log, archive) as query:
        _answer(
            query,
            partial(answers.failures, query, where),
            lambda report, records: report.failures(records, none=none),
            limit=limit,
            between=between,
            view=view,
            of=ActionExecutionRecord,
        )


def _kinds(limit: int | None, where: Filter, between: Interval, log: LogAddresses, view: View) -> None:
    from projector.query.questions.kinds import ActionFailureKind

    action, _ = one_of("action", where)
    none = "no execution has failed" if between.since is None else "no execution has failed in that time"
    with open_query(log) as query:
        with _usable():
            kinds = answers.kinds(query, where, between=between, limit=limit)
        if action is not None and not kinds and not view.for_programs:
            check_action(query, action)

        def fill(report: Report) -> None:
            report.kinds(kinds, none=none)
            report.cut(kinds, answers.USUAL if limit is None else limit)

        answer(query, Answer.of_records(kinds, ActionFailureKind), view, fill)


def cleanups(
    limit: _Limit = None,
    archive: ArchiveOption = None,
    *,
    where: RecordFilters,
    between: Between,
    log: Logs,
    view: Rows,
) -> None:
    """The latest cleanups: what was deleted or released, and by whom.

    With --since they go on in the log, and in the archive, where the projection's list ends. A scanner never seen: an
    empty list with --json, otherwise exit status 1.

    Example: projector cleanups --resource 'lock:*' --limit 20
    """
    from projector.search import Filter

    scanner, _ = one_of("scanner", where)
    asks = where != Filter() or between != Interval()
    none = "no cleanup is like that" if asks else "nothing has been cleaned up yet"
    with open_query(log, archive) as query:
        _answer(
            query,
            partial(answers.cleanups, query, where),
            lambda report, records: report.cleanups(records, none=none),
            limit=limit,
            between=between,
            view=view,
            of=CleanupRecord,
            check=None if scanner is None else lambda: check_scanner(query, scanner),
        )


def _answer(
    query: Query,
    ask: Callable[..., Records[Any]],
    show: Callable[[Report, Records[Any]], None],
    *,
    limit: int | None,
    between: Interval,
    view: View,
    of: type,
    check: Callable[[], None] | None = None,
) -> None:
    """Ask for the latest records, and show them. Where there are none, `check` raises if a name may be mistyped."""
    with _usable(), progress_bar("Searching", after_a_moment=True) as progress:
        records = ask(between=between, limit=limit, progress=progress)
    if check is not None and not records and not view.for_programs:
        check()

    def fill(report: Report) -> None:
        show(report, records)
        report.reach(records, answers.most_of(between, limit), between.since)

    answer(query, Answer.of_records(records, of), view, fill)


@contextmanager
def _usable() -> Iterator[None]:
    """What makes no answer is a wrong option."""
    try:
        yield
    except WrongParameter as error:
        raise typer.BadParameter(error.told_of_options, param_hint=f"--{error.name}") from error
