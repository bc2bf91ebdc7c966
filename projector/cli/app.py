"""The command line of the projector: every command by name."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from producer.errors import WalError
from projector.cli.run import run

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
    app.command()(run)
    return app


def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        print(f"projector (execution-wal) {version_of('execution-wal')}")
        raise typer.Exit


def main() -> None:
    """The console script `projector`. What a user can mend is one line on stderr and exit status 1."""
    try:
        make_app()()
    except WalError as error:
        print(f"projector: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
