"""`projector doctor`: checks the server and the namespace, and says what repairs them."""

from __future__ import annotations

from typing import Annotated

import typer

from producer.terminal.exit_status import FAILED, UNREACHABLE
from producer.terminal.options import Json
from producer.terminal.stdout import write, write_json
from projector.answers.examined import Look, Seen, examined_several
from projector.cli.addresses import Logs
from projector.cli.options import GroupIdle
from projector.cli.partitions.each import Each, names_of, under
from projector.cli.read.answer import why_empty
from projector.errors import ServerRefused
from projector.retention.retention import WEEK_MS


def doctor(
    as_json: Json = False,
    interval: Annotated[
        float,
        typer.Option(
            "--interval", metavar="SECONDS", min=0.0, max=3600.0, help="Between two looks at what should move."
        ),
    ] = 1.0,
    group_idle: GroupIdle = None,
    *,
    log: Logs,
) -> None:
    """Check the server and the namespace, and say what repairs them.

    Exit status 1 if anything is wrong, 69 if this account is not allowed to see anything. A warning is no more than
    worth knowing; what this account is not allowed to see is not checked. Reads only. Of several namespaces, or
    partitions, it shows what is not well.

    Example: projector doctor
    """
    from projector.cli.display.findings import findings_page

    names = names_of(log, unless=(ServerRefused,))
    look = Look(log.location.url, interval, WEEK_MS if group_idle is None else group_idle)
    if len(names) > 1:
        _examine_each(look, Each([*look.of_partitions(names), *names], look.at), as_json=as_json)
        return
    found = look.at(names[0])
    if as_json:
        write_json(found.document())
    else:
        write(findings_page(found.findings) + why_empty(log))
    if not found.is_healthy:
        raise typer.Exit(FAILED)
    if found.is_blind:
        raise typer.Exit(UNREACHABLE)


def _examine_each(look: Look, each: Each[Seen], *, as_json: bool) -> None:
    """What is not well with each; what is so with all of them is shown once."""
    from projector.cli.display.findings import findings_page
    from projector.doctor import Severity

    outcomes = [outcome for outcome in each.outcomes() if not look.is_whole_by_name_alone(outcome.found)]
    each.names = [outcome.namespace for outcome in outcomes]
    seen = [outcome.found for outcome in outcomes if outcome.found]
    for one in seen:
        each.judge(one.namespace, good=one.is_healthy)
        if one.is_blind:
            each.judge(one.namespace, good=False, status=UNREACHABLE)
    if as_json:
        write_json(examined_several(outcomes))
        each.exit()
        return
    whole = [one.findings for one in seen if len(one.findings) > 1]
    shared = [finding for finding in whole[0] if all(finding in found for found in whole[1:])] if whole[1:] else []
    if of_all := [finding for finding in shared if finding.severity is not Severity.OK]:
        write(under("all of them", findings_page(of_all)))
    for one in seen:
        own = [finding for finding in one.findings if finding.severity is not Severity.OK and finding not in of_all]
        good = len([finding for finding in one.findings if finding.severity is Severity.OK])
        write(under(one.namespace, findings_page(own) if own else f"{good} ok"))
    write(each.summary("healthy", "not healthy", "not examined"))
    each.exit()
