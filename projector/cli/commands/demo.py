"""`projector demo`: show the system at work on real commands, in a directory that is removed afterwards."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.exit_status import FAILED

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.query import Query

__all__ = ["demo"]

_LIMIT = 10


def demo(
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long the engine works.")] = 15.0,
) -> None:
    """Run a small engine on a server and a projector of its own, crash the projector, and audit the outcome.

    Everything happens in a temporary directory, which is removed at the end.
    """
    try:
        with _ended_by_any_signal():
            agreed = _demonstrate(seconds)
    except _Interrupted as interrupt:
        typer.echo("\nprojector: interrupted; what it had started has ended, its directory is removed", err=True)
        raise typer.Exit(128 + interrupt.signum) from None
    raise typer.Exit(0 if agreed else FAILED)


class _Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP came. No Exception, so that no handler on the way out takes it for an error."""

    def __init__(self, signum: int) -> None:
        self.signum = signum


@contextmanager
def _ended_by_any_signal() -> Iterator[None]:
    """While the body runs, a signal raises _Interrupted in it, so that the body ends what it started, in order."""

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)  # a second Ctrl-C must not cut the way out short
        raise _Interrupted(signum)

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, interrupt)
    yield


def _demonstrate(seconds: float) -> bool:
    """Whether the workers' books and the projection agree."""
    from projector.demo.demo import Demo
    from projector.demo.narrator import Narrator
    from projector.demo.temporary import temporary_directory
    from projector.embedded import EmbeddedServer
    from projector.query import Query

    narrator = Narrator(sys.stdout)
    with (
        temporary_directory() as directory,
        EmbeddedServer(directory / "data") as server,
        Query(server.address.socket_url) as query,
        Demo(directory, url=server.address.socket_url, query=query, seconds=seconds, narrator=narrator) as running,
    ):
        narrator.say(f"A Valkey server and a projector run in {directory}. To look on from another terminal:")
        narrator.say(f"    export WAL_URL={server.address.url}")
        narrator.say("    projector stats")
        audit = running.run()
        narrator.say()
        _report(query)
        narrator.say()
        for line in audit.disagreements():
            narrator.say(f"The figures do not agree: {line}")
        if not audit.disagreements():
            narrator.say(audit.verdict())
        return not audit.disagreements()


def _report(query: Query) -> None:
    from projector.cli.display.answer import write_report

    def fill(report: Report) -> None:
        report.totals(query.totals())
        report.actions(query.actions(), limit=_LIMIT)
        report.executions(query.recent_failures(_LIMIT), title="Recent failures")
        report.cleanups(query.recent_cleanup_operations(_LIMIT), title="Recent cleanups")

    write_report(query.status(), fill)
