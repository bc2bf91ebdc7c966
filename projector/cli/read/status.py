"""`projector status`: where the projection stands."""

from __future__ import annotations

from typing import Annotated

import typer

from producer.terminal.options import Log
from projector.cli.options import Times
from projector.cli.read.answer import answer, open_query
from projector.errors import ProjectorError


def status(
    check: Annotated[bool, typer.Option("--check", help="Exit status 1 unless a projector is active.")] = False,
    *,
    log: Log,
    view: Times,
) -> None:
    """Where the projection stands, how much waits, what was lost.

    Example: projector status --check
    """
    with open_query(log) as query:
        found = query.status(room=True)
        answer(query, found, view, lambda report: report.status(), status=found)
    if check and found.lease_ttl_ms is None:
        from projector.query.remarks import how_to_start

        raise ProjectorError(f"no projector is active in namespace {log.namespace}; {how_to_start(found)}")
