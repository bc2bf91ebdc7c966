"""`projector status`: where the projection stands."""

from __future__ import annotations

from typing import Annotated

import typer

from projector.answers.documents.answer import Answer
from projector.cli.addresses import Logs
from projector.cli.options import Times
from projector.cli.read.answer import answer, open_query
from projector.errors import ProjectorError


def status(
    check: Annotated[
        bool, typer.Option("--check", help="Exit status 1 unless each namespace has an active projector.")
    ] = False,
    *,
    log: Logs,
    view: Times,
) -> None:
    """Where the projection stands, how much waits, what was lost. Of several namespaces a line each.

    Example: projector status --check
    """
    from projector.answers.standing import standings_of
    from projector.answers.wording.several import Several

    with open_query(log) as query:
        found = query.status(room=True)
        statuses = query.statuses()
        several = Several.of(query.namespace, statuses, query.namespaces)
        if several:
            standings = standings_of(statuses, query.memory())
            answer(query, Answer(found), view, lambda report: report.standings(standings), status=found)
        else:
            answer(query, Answer(found), view, lambda report: report.status(), status=found)
    if not check:
        return
    if several and (told := several.without_projector()):
        raise ProjectorError(told)
    if not several and found.lease_ttl_ms is None:
        from projector.query.remarks import how_to_start

        raise ProjectorError(f"no projector is active in namespace {found.namespace}; {how_to_start(found)}")
