"""`projector check`: whether actions run as expected, for monitoring systems that run plugins."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.connection.location import settings_file
from producer.errors import InvalidSettings
from producer.terminal.stdout import write
from projector.answers.interval import moment_of
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.options import milliseconds
from projector.cli.read.answer import open_query

if TYPE_CHECKING:
    from projector.answers.wording.several import Several
    from projector.expectation import Expectation, Judgement

_Action = Annotated[str | None, typer.Argument(metavar="ACTION", help="Whose runs to judge.", show_default=False)]
_All = Annotated[
    bool, typer.Option("--all", help="Every action with a section [expect.ACTION] in the settings file.")
]
_Failures = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, show_default="0", help="How many runs in a row may have failed."),
]
_Age = Annotated[
    int | None, typer.Option(parser=milliseconds, metavar="DURATION", help="How old the last success may be: 26h.")
]
_Duration = Annotated[
    int | None, typer.Option(parser=milliseconds, metavar="DURATION", help="How long a run may take: 10m.")
]

_Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Count failures, and take the longest run, since then: 1d. To the hour."),
]


def check(
    action: _Action = None,
    everything: _All = False,
    max_failures: _Failures = None,
    max_age: _Age = None,
    max_duration: _Duration = None,
    since: _Since = None,
    *,
    log: Logs,
) -> None:
    """Whether runs are as expected, as a plugin of monitoring systems: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.

    CRITICAL: a limit is broken, or what was due did not start. WARNING: the projector is behind or not active, so
    that the answer may be old. UNKNOWN: never seen, no server, wrong usage. What no option says, the settings file
    does: [expect.nightly-backup] with every = "26h", or cron = "0 3 * * *" and timezone = "Europe/Berlin"; grace,
    max_failures, max_age, max_duration.

    Example: projector check deploy --max-failures 3 --max-age 26h
    """
    from projector.answers.wording.several import Several
    from projector.cli.display.judged import judged_line, judged_lines, worst_first
    from projector.expectation import Expectation
    from projector.expectation import check as judgements_of

    if everything == (action is not None):
        raise typer.BadParameter("name the action, or all that the settings file expects with --all")
    known = expected_of(log)
    expected = list(known.values()) if action is None else [known.get(action) or Expectation(action_id=action)]
    if not expected:
        raise typer.BadParameter("no settings file has a section [expect.ACTION]", param_hint="--all")
    limits = {"max_failures": max_failures, "max_age_ms": max_age, "max_duration_ms": max_duration}
    given: dict[str, Any] = {name: limit for name, limit in limits.items() if limit is not None}
    with open_query(log) as query:
        wanted = [replace(each, **given) for each in expected]
        found = judgements_of(query, wanted, since=_moment(since))
        if several := Several.of(query.namespace, query.statuses(), query.namespaces):
            found = [_judged_by(several, each) for each in found]
    write(judged_lines(found) if everything else judged_line(found[0]))
    raise typer.Exit(worst_first(found)[0].state)


def _judged_by(several: Several, found: Judgement) -> Judgement:
    """`found`, where the answer may be old because one of several namespaces lacks something."""
    from projector.expectation.judgement import judge

    stale = several.notice(behind=found.stale is not None) or several.why_nothing("")
    return judge(found.expectation, found.facts, now=found.at, stale=stale.replace("\n", "; "))


def expected_of(log: LogAddresses) -> dict[str, Expectation]:
    """What the settings file expects, by action."""
    from projector.expectation.settings import expectations_of

    try:
        return expectations_of((log.context.default_map or {}).get("expect") or {})
    except InvalidSettings as error:
        file = log.context.find_root().params.get("config") or settings_file(os.environ)
        raise InvalidSettings(f"{file}: {error}") from error


def _moment(text: str | None) -> int | None:
    try:
        return None if text is None else moment_of(text, datetime.now().astimezone())
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(str(error), param_hint="--since") from error
