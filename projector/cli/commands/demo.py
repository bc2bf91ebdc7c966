"""`projector demo`: show the system at work on real commands, in a directory that is removed afterwards."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.exit_status import FAILED
from projector.cli.commands.read import write_report

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.query import Query

_LIMIT = 10
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo(
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long the engine works.")] = 15.0,
) -> None:
    """Run a small engine on a server and a projector of its own, crash the projector, and audit the outcome.

    Everything happens in a temporary directory, which is removed at the end.
    """
    for signum in _SIGNALS:
        signal.signal(signum, _interrupt)
    try:
        agreed = _demonstrate(seconds)
    except SystemExit:
        typer.echo("\nprojector: interrupted; what it had started has ended, its directory is removed", err=True)
        raise
    raise typer.Exit(0 if agreed else FAILED)


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    """Leave the demonstration by an exception, so that it ends what it started, in order."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # a second Ctrl-C must not cut the way out short
    raise SystemExit(128 + signum)


def _demonstrate(seconds: float) -> bool:
    """Whether the workers' books and the projection agree."""
    from projector.demo.demo import Demo
    from projector.embedded import EmbeddedServer
    from projector.query import Query

    with (
        TemporaryDirectory(prefix="execution-wal-demo-") as temporary,
        EmbeddedServer((directory := Path(temporary)) / "data") as server,
        Query(url := server.address.socket_url) as query,
        Demo(directory, url=url, query=query, seconds=seconds, output=sys.stdout) as running,
    ):
        running.say(f"A Valkey server and a projector run in {directory}. To look on from another terminal:")
        running.say(f"    export WAL_URL={server.address.url}")
        running.say("    projector stats")
        audit = running.run()
        running.say()
        _report(query)
        running.say()
        for line in audit.disagreements():
            running.say(f"The figures do not agree: {line}")
        if not audit.disagreements():
            running.say(audit.verdict())
        return not audit.disagreements()


def _report(query: Query) -> None:
    def fill(report: Report) -> None:
        report.totals(query.totals())
        report.actions(query.actions(), limit=_LIMIT)
        report.executions(query.recent_failures(_LIMIT), title="Recent failures")
        report.cleanups(query.recent_cleanup_operations(_LIMIT), title="Recent cleanups")

    write_report(query.status(), fill)
