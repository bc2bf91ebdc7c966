"""The frame of a command line: the options before a command, and each error as one line and an exit status."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from producer.command.process_title import hide_passwords
from producer.connection.location import settings_file
from producer.errors import Unacknowledged, WalError, WalRefused
from producer.terminal.exit_status import Statuses
from producer.terminal.option_group import with_options


def new_program(name: str, *, summary: str, **settings: Any) -> typer.Typer:
    """A command line without commands; `settings` are Typer's."""
    app = typer.Typer(
        name=name,
        help=summary,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        **settings,
    )
    app.callback()(_options)
    return app


def add_commands(app: typer.Typer, *commands: Callable[..., None], **settings: Any) -> None:
    """Add `commands`, which may take groups of options; `settings` are Typer's, a `name` among them."""
    for command in commands:
        app.command(**settings)(with_options(command))


def run_program(name: str, app: Callable[[], object], statuses: Statuses) -> None:
    """Run `app` on the command line in `sys.argv`, and exit.

    An error that `statuses` lists ends in one line on stderr, which shows no password, and in its exit status.
    """
    hide_passwords()
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except tuple(statuses) as error:
        typer.echo(f"{name}: {' '.join(_told(error).split())}", err=True)
        raise SystemExit(next(status for kind, status in statuses.items() if isinstance(error, kind))) from None


def _told(error: Exception) -> str:
    match error:
        case WalRefused():
            return f"not recorded: {error.reason}"
        case Unacknowledged():
            return f"not acknowledged: {error.reason}"
        case WalError():
            return str(error)
        case OSError():
            reason = error.strerror or str(error)
            return f"{error.filename}: {reason}" if error.filename else reason
        case _:
            return f"{type(error).__name__}: {error}"


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"{context.command.name} (execution-wal) {version('execution-wal')}")
        raise typer.Exit


def _options(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar="WAL_CONFIG",
            metavar="FILE",
            show_default="execution-wal/config.toml in $XDG_CONFIG_HOME or ~/.config, if it exists",
            help="Settings in TOML for options that neither a flag nor a variable gives: url, namespace, …",
        ),
    ] = None,
) -> None:
    usual = settings_file(os.environ)
    if file := config or (usual if os.path.exists(usual) else None):
        from producer.terminal.settings import read_settings

        context.default_map = _for_each_command(context.command, read_settings(file))


def _for_each_command(command: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """`settings` as a context takes them: for a group of commands by the commands' names."""
    commands = getattr(command, "commands", None)
    if commands is None:
        return settings
    return {name: _for_each_command(member, settings) for name, member in commands.items()}
