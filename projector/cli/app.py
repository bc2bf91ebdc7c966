"""The command line of the projector: every command by name."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from producer.command.process_title import hide_passwords
from producer.errors import WalError
from projector.cli.acl import acl
from projector.cli.demo import demo
from projector.cli.doctor import doctor
from projector.cli.quarantine import quarantine
from projector.cli.read import cleanups, failures, in_flight, recent, stats, status
from projector.cli.rebuild import rebuild
from projector.cli.run import run
from projector.cli.up import up
from projector.cli.verify import verify

__all__ = ["main"]


def make_app() -> typer.Typer:
    """The commands, in the order in which `--help` shows them."""
    app = typer.Typer(
        name="projector",
        help="Fold the write-ahead log of executions into lists and statistics, and read them.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    for command in (up, demo, run, stats, recent, failures, cleanups, status, doctor, verify, rebuild, acl):
        app.command()(command)
    app.command("in-flight")(in_flight)
    app.add_typer(quarantine)
    return app


def _show_version(on: bool) -> None:
    if on:
        print(f"projector (execution-wal) {version('execution-wal')}")
        raise typer.Exit


def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None: ...


def main() -> None:
    """The console script `projector`. What a user can mend is one line on stderr and exit status 1."""
    hide_passwords()
    try:
        make_app()()
    except WalError as error:
        print(f"projector: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
