"""The frame of a command line: the options before a command, and each error as one line and an exit status."""

import os
import traceback
from collections.abc import Callable
from contextlib import suppress
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any

import typer

from producer.command.process_title import hidden_in, hide_passwords
from producer.connection.location import settings_file
from producer.errors import Unacknowledged, WalError, WalRefused
from producer.terminal.exit_status import BUG, EPILOG, UNKNOWN, status_of
from producer.terminal.help import Command, Group
from producer.terminal.options import with_options
from producer.terminal.stdout import reader_has_left, write
from producer.text.wording import visible


class Plugin(Command):
    """A command that monitoring systems run, which take its exit status 2 for critical: so whatever keeps it from
    its answer, wrong usage too, is one line on standard output and the status UNKNOWN. A bug is told as any."""

    def tell(self, error: Exception) -> None:
        """End with UNKNOWN, unless `error` is how the command ended, a reader who has left, or a bug."""
        if isinstance(error, BrokenPipeError):
            return
        usage = getattr(error, "format_message", None)
        if usage is None and (isinstance(error, RuntimeError) or status_of(error) == BUG):
            return
        told = usage() if usage else _told(error) + "".join(getattr(error, "__notes__", ()))
        write(f"UNKNOWN - {visible(' '.join(told.split()))}\n")
        raise typer.Exit(UNKNOWN) from error


def new_program(name: str, *, summary: str) -> typer.Typer:
    """A command line without commands."""
    app = new_group(name, summary=summary, epilog=f"{EPILOG} Each command's help ends with an example.")
    app.callback()(_options)
    return app


def new_group(name: str, *, summary: str, epilog: str) -> typer.Typer:
    """A command without commands of its own yet."""
    return typer.Typer(
        name=name,
        help=summary,
        epilog=epilog,
        cls=Group,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def add_commands(
    app: typer.Typer, *commands: Callable[..., None], heading: str | None = None, **settings: Any
) -> None:
    """Add `commands`, which may take groups of options, under `heading` in the help; `settings` are Typer's.

    The last paragraph of a command's docstring is `Example: …`, a command line that works as it stands.
    """
    for command in commands:
        text, _, example = cleandoc(command.__doc__ or "").partition("\n\nExample: ")
        told = {"help": text, "epilog": f"Example: {example}", "rich_help_panel": heading}
        app.command(**{"cls": Command, **settings, **told})(with_options(command))


def run_program(name: str, app: Callable[..., object]) -> None:
    """Run `app` on the command line in `sys.argv`, and exit.

    An error ends in one line on stderr, which shows no password, and in its exit status; a bug in a traceback too.
    """
    hide_passwords()
    try:
        app(prog_name=name)  # also under `python -m`
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError) and reader_has_left():
            raise SystemExit(0) from None  # where Typer ends with 1
        raise
    except Exception as error:  # noqa: BLE001 - the user is told of a bug, too
        status = status_of(error)
        lines = [hidden_in(line) for line in traceback.format_exc().splitlines()] if status == BUG else []
        told = _told(error) + "".join(getattr(error, "__notes__", ()))
        with suppress(OSError):  # the status tells what nobody reads
            typer.echo("\n".join(map(visible, [*lines, f"{name}: {' '.join(told.split())}"])), err=True)
        raise SystemExit(status) from None


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
            found = hidden_in(f"{type(error).__name__}: {error}")
            return f"this is a bug in this program, please report it with the lines above: {found}"


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:  # which a completion does
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
            help="Settings in TOML, such as url, for options that neither a flag nor a variable gives.",
        ),
    ] = None,
) -> None:
    if file := config or settings_file(os.environ):
        from producer.terminal.settings import read_settings

        context.default_map = _for_each_command(context.command, read_settings(file))


def _for_each_command(command: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """`settings` as a context takes them: for a group of commands by the commands' names."""
    commands = getattr(command, "commands", None)
    if commands is None:
        repeated = {option.name for option in command.params if getattr(option, "multiple", False)}
        return {name: [value] if name in repeated else value for name, value in settings.items()}
    # A group of commands may take options itself.
    return settings | {name: _for_each_command(member, settings) for name, member in commands.items()}
