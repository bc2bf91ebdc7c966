"""The commands that read: `stats`, `recent`, `failures`, `cleanups`, `in-flight`, `status`.

With `--json` each prints one document of the query library's results: times are epoch milliseconds, durations
milliseconds. What runs has the `p95_duration_ms` of its action beside it (null where none of its runs has ended), and
whether it is `overdue`, which is to take longer than that. Without, tables for a person.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from producer.connection.location import locate
from producer.wal import DEFAULT_NAMESPACE
from projector.cli.options import Namespace, Url
from projector.cli.report import Report
from projector.cli.stdout import write, write_json
from projector.cli.visible import visible
from projector.errors import ProjectorError
from projector.query import Query
from projector.query.remarks import is_overdue
from projector.records import InFlightRecord

__all__ = ["cleanups", "failures", "in_flight", "recent", "stats", "status"]

_Action = Annotated[str | None, typer.Argument(help="One action; without it, everything at a glance.")]
_Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="How many at most, the latest first.")]
_LimitOrAll = Annotated[
    int | None, typer.Option("--limit", "-n", min=0, help="How many at most, the latest first.", show_default="all")
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_OfAction = Annotated[str | None, typer.Option("--action", help="Only this action's.")]
_OfScanner = Annotated[str | None, typer.Option("--scanner", help="Only this scanner's.")]
_Failed = Annotated[bool | None, typer.Option("--failed/--succeeded", help="Only these.", show_default=False)]


def stats(
    action: _Action = None,
    limit: _Limit = 10,
    as_json: _Json = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
) -> None:
    """Totals, actions, recent executions and cleanups; or the statistics of one action.

    With --json all actions are there, all that runs and all that is presumed dead, whatever the limit.

    An action never seen: zeros with --json, otherwise exit status 1.
    """
    with _query(url, namespace) as query:
        if action is None:
            _stats_of_all(query, limit, as_json)
        else:
            _stats_of_one(query, action, limit, as_json)


def recent(
    action: _OfAction = None,
    failed: _Failed = None,
    limit: _Limit = 10,
    as_json: _Json = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
) -> None:
    """The latest executions that have ended."""
    with _query(url, namespace) as query:
        success = None if failed is None else not failed
        records = query.recent_action_executions(limit, action_id=action, success=success)
        if as_json:
            return write_json(records)
        report = _report(query)
        report.executions(records, none="no execution that has ended is like that")
        return write(report.text())


def failures(
    limit: _Limit = 10, as_json: _Json = False, url: Url = None, namespace: Namespace = DEFAULT_NAMESPACE
) -> None:
    """The latest executions that have failed."""
    with _query(url, namespace) as query:
        records = query.recent_failures(limit)
        if as_json:
            return write_json(records)
        report = _report(query)
        report.failures(records)
        return write(report.text())


def cleanups(
    scanner: _OfScanner = None,
    limit: _Limit = 10,
    as_json: _Json = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
) -> None:
    """The latest cleanups: what was deleted or released, and by whom."""
    with _query(url, namespace) as query:
        records = query.recent_cleanup_operations(limit, scanner_id=scanner)
        if as_json:
            return write_json(records)
        report = _report(query)
        report.cleanups(records, none="no cleanup is like that" if scanner else "nothing has been cleaned up yet")
        return write(report.text())


def in_flight(
    orphans: Annotated[bool, typer.Option("--orphans", help="Only what is presumed dead.")] = False,
    limit: _LimitOrAll = None,
    as_json: _Json = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
) -> None:
    """What runs right now, the latest start first; below it what is presumed dead (with --json by --orphans).

    Beside each run stands its action's p95: what takes longer than 95 % of the runs before is red.
    """
    with _query(url, namespace) as query:
        dead = query.orphans()[:limit]
        records = [] if orphans else query.in_flight()[:limit]
        usual = _usual(query, records)
        if as_json:
            return write_json(dead if orphans else _running(records, usual))
        report = _report(query)
        if not orphans:
            report.in_flight(records, usual=usual)
        if dead or orphans:
            report.in_flight(dead, title="Presumed dead")
        return write(report.text())


def status(
    check: Annotated[bool, typer.Option("--check", help="Exit status 1 unless a projector is active.")] = False,
    as_json: _Json = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
) -> None:
    """Where the projection stands: the active projector, how much waits, what was lost or refused."""
    with _query(url, namespace) as query:
        found = query.status()
        if as_json:
            write_json(found)
        else:
            report = Report(found, now=int(time.time() * 1000))
            report.status()
            write(report.text())
    if check and found.lease_holder is None:
        raise ProjectorError(f"no projector is active in namespace {namespace}; start one: projector run")


def _stats_of_all(query: Query, limit: int, as_json: bool) -> None:
    totals, actions = query.totals(), query.actions()
    executions, cleanups = query.recent_action_executions(limit), query.recent_cleanup_operations(limit)
    running, orphans = query.in_flight(), query.orphans()
    usual = _usual(query, running)
    if as_json:
        return write_json(
            {
                "totals": totals,
                "actions": actions,
                "in_flight": _running(running, usual),
                "orphans": orphans,
                "recent_executions": executions,
                "recent_cleanups": cleanups,
            }
        )
    report = _report(query)
    report.totals(totals)
    report.actions(actions, limit=limit)
    report.overdue(running, usual=usual)
    if orphans:
        report.in_flight(orphans[:limit], title="Presumed dead")
    if executions:
        report.executions(executions, title="Recent executions")
    if cleanups:
        report.cleanups(cleanups, title="Recent cleanups")
    return write(report.text())


def _stats_of_one(query: Query, action: str, limit: int, as_json: bool) -> None:
    found = query.action_stats(action)
    running = [record for record in query.in_flight() if record.action_id == action]
    orphans = [record for record in query.orphans() if record.action_id == action]
    usual = query.duration_percentiles([action])
    if as_json:
        more = {"p95_duration_ms": usual.get(action), "in_flight": _running(running, usual), "orphans": orphans}
        return write_json(asdict(found) | more)
    if found.last_entry_id is None and not running:
        typer.echo(
            f"projector: no statistics for action {visible(action)} in namespace {query.namespace}; "
            "those there are: projector stats",
            err=True,
        )
        raise typer.Exit(1)
    report = _report(query)
    report.action(found, p95=usual.get(action))
    if running:
        report.in_flight(running, usual=usual, title="Running")
    if orphans:
        report.in_flight(orphans[:limit], title="Presumed dead")
    if executions := query.recent_action_executions(limit, action_id=action):
        report.executions(executions, title="Recent executions")
    return write(report.text())


def _query(url: str | None, namespace: str) -> Query:
    return Query(locate(url, os.environ), namespace)


def _usual(query: Query, records: Sequence[InFlightRecord]) -> dict[str, int]:
    """The p95 of the durations of the actions that `records` are runs of."""
    return query.duration_percentiles(record.action_id for record in records)


def _running(records: Sequence[InFlightRecord], usual: Mapping[str, int]) -> list[dict[str, object]]:
    """`records` as JSON has them, each against the `usual` p95 of its action."""
    now = int(time.time() * 1000)
    return [
        asdict(record)
        | {
            "p95_duration_ms": usual.get(record.action_id),
            "overdue": is_overdue(record, now=now, usual=usual),
        }
        for record in records
    ]


def _report(query: Query) -> Report:
    return Report(query.status(), now=int(time.time() * 1000))
