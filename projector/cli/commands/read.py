"""The commands that read: `stats`, `recent`, `failures`, `cleanups`, `in-flight`, `status`.

With `--json` each prints one document of the query library's results: times are epoch milliseconds, durations
milliseconds. A run in flight has the `p95_duration_ms` of its action beside it (null if none of its runs has ended),
and `overdue`: whether it takes longer than that. Without `--json` they print tables for a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.terminal.options import Json, Log, LogAddress
from producer.terminal.stdout import write, write_json
from projector.cli.display.visible import visible
from projector.cli.options import Limit
from projector.errors import ProjectorError

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.query import Query, Status

_Action = Annotated[str | None, typer.Argument(help="One action; without it, everything at a glance.")]
_LimitOrAll = Annotated[
    int | None, typer.Option("--limit", "-n", min=0, help="How many at most, the latest first.", show_default="all")
]
_OfAction = Annotated[str | None, typer.Option("--action", help="Only this action's.")]
_OfScanner = Annotated[str | None, typer.Option("--scanner", help="Only this scanner's.")]
_Failed = Annotated[bool | None, typer.Option("--failed/--succeeded", help="Only these.", show_default=False)]


def stats(action: _Action = None, limit: Limit = 10, as_json: Json = False, *, log: Log) -> None:
    """Totals, actions, recent executions and cleanups; or the statistics of one action.

    With --json all actions are there, all that runs and all that is presumed dead, whatever the limit.

    An action never seen: zeros with --json, otherwise exit status 1.
    """
    with _open(log) as query:
        if action is None:
            _stats_of_all(query, limit, as_json)
        else:
            _stats_of_one(query, action, limit, as_json)


def recent(
    action: _OfAction = None, failed: _Failed = None, limit: Limit = 10, as_json: Json = False, *, log: Log
) -> None:
    """The latest executions that have ended."""
    with _open(log) as query:
        success = None if failed is None else not failed
        records = query.recent_action_executions(limit, action_id=action, success=success)
        none = "no execution that has ended is like that"
        _answer(query, records, as_json, lambda report: report.executions(records, none=none))


def failures(limit: Limit = 10, as_json: Json = False, *, log: Log) -> None:
    """The latest executions that have failed."""
    with _open(log) as query:
        records = query.recent_failures(limit)
        _answer(query, records, as_json, lambda report: report.failures(records))


def cleanups(scanner: _OfScanner = None, limit: Limit = 10, as_json: Json = False, *, log: Log) -> None:
    """The latest cleanups: what was deleted or released, and by whom."""
    with _open(log) as query:
        records = query.recent_cleanup_operations(limit, scanner_id=scanner)
        none = "no cleanup is like that" if scanner else "nothing has been cleaned up yet"
        _answer(query, records, as_json, lambda report: report.cleanups(records, none=none))


def in_flight(
    orphans: Annotated[bool, typer.Option("--orphans", help="Only what is presumed dead.")] = False,
    limit: _LimitOrAll = None,
    as_json: Json = False,
    *,
    log: Log,
) -> None:
    """What runs right now, the latest start first; below it what is presumed dead (with --json by --orphans).

    Beside each run stands its action's p95: what takes longer than 95 % of the runs before is red.
    """
    from projector.query.overview import running

    with _open(log) as query:
        dead = query.orphans()[:limit]
        records = [] if orphans else query.in_flight()[:limit]
        usual = query.duration_percentiles(record.action_id for record in records)

        def fill(report: Report) -> None:
            if not orphans:
                report.in_flight(records, usual=usual)
            if dead or orphans:
                report.in_flight(dead, title="Presumed dead")

        _answer(query, dead if orphans else running(records, usual, now=now_ms()), as_json, fill)


def status(
    check: Annotated[bool, typer.Option("--check", help="Exit status 1 unless a projector is active.")] = False,
    as_json: Json = False,
    *,
    log: Log,
) -> None:
    """Where the projection stands: the active projector, how much waits, what was lost or refused."""
    with _open(log) as query:
        found = query.status()
    if as_json:
        write_json(found)
    else:
        write_report(found, lambda report: report.status())
    if check and found.lease_holder is None:
        raise ProjectorError(f"no projector is active in namespace {log.namespace}; start one: projector run")


def now_ms() -> int:
    """Epoch ms by this machine's clock."""
    return int(time.time() * 1000)


def write_report(status: Status, fill: Callable[[Report], None]) -> None:
    """Write the report that `fill` fills, with the notice that `status` gives rise to."""
    from projector.cli.display.report import Report

    report = Report(status, now=now_ms())
    fill(report)
    write(report.text())


def _open(log: LogAddress) -> Query:
    from projector.query import Query

    return Query(log.location.url, log.namespace)


def _answer(query: Query, document: Any, as_json: bool, fill: Callable[[Report], None]) -> None:
    """Write `document` as JSON, or else the report that `fill` fills."""
    if as_json:
        write_json(document)
    else:
        write_report(query.status(), fill)


def _stats_of_all(query: Query, limit: int, as_json: bool) -> None:
    from projector.query.overview import Overview, running

    totals, actions = query.totals(), query.actions()
    executions, cleanups = query.recent_action_executions(limit), query.recent_cleanup_operations(limit)
    runs, orphans = query.in_flight(), query.orphans()
    usual = query.duration_percentiles(record.action_id for record in runs)
    document = Overview(
        totals=totals,
        actions=actions,
        in_flight=running(runs, usual, now=now_ms()),
        orphans=orphans,
        recent_executions=executions,
        recent_cleanups=cleanups,
    )

    def fill(report: Report) -> None:
        report.totals(totals)
        report.actions(actions, limit=limit)
        report.overdue(runs, usual=usual)
        if orphans:
            report.in_flight(orphans[:limit], title="Presumed dead")
        if executions:
            report.executions(executions, title="Recent executions")
        if cleanups:
            report.cleanups(cleanups, title="Recent cleanups")

    _answer(query, document, as_json, fill)


def _stats_of_one(query: Query, action: str, limit: int, as_json: bool) -> None:
    from projector.query.overview import ActionOverview, running

    found = query.action_stats(action)
    runs = [record for record in query.in_flight() if record.action_id == action]
    orphans = [record for record in query.orphans() if record.action_id == action]
    usual = query.duration_percentiles([action])
    if found.last_entry_id is None and not runs and not as_json:
        raise ProjectorError(
            f"no statistics for action {visible(action)} in namespace {query.namespace}; "
            "those there are: projector stats"
        )
    document = ActionOverview(
        **{field.name: getattr(found, field.name) for field in fields(found)},
        p95_duration_ms=usual.get(action),
        in_flight=running(runs, usual, now=now_ms()),
        orphans=orphans,
    )

    def fill(report: Report) -> None:
        report.action(found, p95=usual.get(action))
        if runs:
            report.in_flight(runs, usual=usual, title="Running")
        if orphans:
            report.in_flight(orphans[:limit], title="Presumed dead")
        if executions := query.recent_action_executions(limit, action_id=action):
            report.executions(executions, title="Recent executions")

    _answer(query, document, as_json, fill)
