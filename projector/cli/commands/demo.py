"""`projector demo`: show the system at work on real commands, in a directory that is removed afterwards."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.exit_status import FAILED
from producer.text.wording import counted
from producer.wal import DEFAULT_NAMESPACE
from projector.answers.documents.answer import Answer
from projector.cli.commands.up import exports, missing_in_path
from projector.cli.options import View
from projector.cli.read.answer import answer
from projector.cli.web.serving import server_beside

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.demo.demo import Demo
    from projector.query import Query, Status

_LIMIT = 10
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo(
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, max=3600, help="How long the engine works.")
    ] = 15.0,
    web: Annotated[
        bool, typer.Option("--web", help="Serve the web page meanwhile, and leave it open until Ctrl-C.")
    ] = False,
) -> None:
    """Show a small engine at work, with a crash of the projector and an audit.

    It has a server of its own. Everything happens in a temporary directory, which is removed at the end.

    Example: projector demo --seconds 5
    """
    from projector.cli.display.page import page_console
    from projector.demo.demo import Demo
    from projector.embedded import EmbeddedServer
    from projector.query import Query

    for signum in _SIGNALS:
        signal.signal(signum, _interrupt)
    with (
        TemporaryDirectory(prefix="execution-wal-demo-") as temporary,
        EmbeddedServer((directory := Path(temporary)) / "data") as server,
        Query(url := server.address.socket_url) as query,
        Demo(directory, url=url, query=query, seconds=seconds, console=page_console()) as running,
        ExitStack() as pages,
    ):
        page = pages.enter_context(server_beside(url, DEFAULT_NAMESPACE)) if web else None
        running.say(f"A Valkey server and a projector run in {directory}. To look on from another terminal:")
        running.show(exports(server.address.url))
        running.show("projector stats")
        if page:
            running.say(f"The web page is at {page.address}")
        running.run()
        running.say()
        _report(query)
        running.say()
        _audit(url, query.status(), running)
        running.say("Next, a server and a projector that keep what you record:")
        missing = missing_in_path()
        running.show(f"{os.path.relpath(missing)}/projector up" if missing else "projector up")
        if page:
            running.say(f"The web page stays open at {page.address} until Ctrl-C.")
            with suppress(SystemExit):
                signal.pause()


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    """Leave the demonstration by an exception, so that it ends what it started, in order."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # a second Ctrl-C must not cut the way out short
    raise SystemExit(128 + signum)


def _audit(url: str, status: Status, running: Demo) -> None:
    """Say that nothing was lost or doubled, or exit with FAILED."""
    from projector.verification import verify
    from projector.verification.record import record

    outcome = verify(url)
    record(url, DEFAULT_NAMESPACE, outcome, by="projector demo")
    if not outcome.identical or status.lag or status.missing or status.quarantined or status.in_flight:
        running.say("The figures do not agree: an operation is missing, or the projection is not what the log says.")
        raise typer.Exit(FAILED)
    running.say(
        f"{counted(status.wal_length, 'operation')} recorded, {status.entries} projected, none missing, "
        "none double: the projection is what projector verify folds from the log."
    )


def _report(query: Query) -> None:
    def fill(report: Report) -> None:
        report.totals(query.totals())
        report.actions(query.actions(), limit=_LIMIT)
        report.executions(query.recent_failures(_LIMIT), title="Recent failures")
        report.cleanups(query.recent_cleanup_operations(_LIMIT), title="Recent cleanups")

    answer(query, Answer(None), View(), fill)
