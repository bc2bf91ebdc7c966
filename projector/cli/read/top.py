"""`projector top`: what happens now, on a full screen."""

from __future__ import annotations

import sys

import typer

from producer.text.extra import needing
from projector.cli.addresses import Logs
from projector.cli.options import ArchiveOption, Clock
from projector.errors import InvalidQuery, ProjectorError


def top(archive: ArchiveOption = None, *, log: Logs, view: Clock) -> None:
    """What happens now, on a full screen: what runs, how fast, what fails, what was cleaned up.

    Keys: Tab and the arrows move, Enter opens a line, s sorts the actions, / filters, p pauses, q ends.

    Needs: pip install 'execution-wal[top]'

    Example: projector top
    """
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise InvalidQuery("top", "a terminal (for a program there is: projector stats --json)", "a pipe or a file")
    with needing("top", "top", ProjectorError):
        from projector.cli.top.app import Top
        from projector.query import AsyncQuery
    query = AsyncQuery(log.location.url, namespaces=list(log.namespace), archive=archive)
    app = Top(query, view)
    status = app.run()
    if app.bug is not None:
        raise app.bug
    raise typer.Exit(status or 0)
