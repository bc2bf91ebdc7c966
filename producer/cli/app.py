"""The command line `producer`: its commands put together, and its errors put into one line each."""

from __future__ import annotations

import logging
import os
import signal
from typing import Annotated, NoReturn

import typer

from producer.cli.flush import flush
from producer.cli.import_ import import_
from producer.cli.record import cleanup, completed, started
from producer.cli.run import run
from producer.cli.spool import spool
from producer.command.child import occupy_standard_descriptors
from producer.command.process_title import hide_passwords
from producer.errors import InvalidOperation, Unacknowledged, Unavailable, UnusableServer, WalRefused

__all__ = ["app", "main"]

REFUSED = 1
INVALID = 2
UNAVAILABLE = os.EX_TEMPFAIL
UNEXPECTED = os.EX_SOFTWARE

app = typer.Typer(
    name="producer",
    help="Record what is run in the write-ahead log.",
    epilog="started, completed and cleanup print the id of the entry; with a spool, the producer and its number. "
    f"They exit with {INVALID} for arguments that make no valid operation, {UNAVAILABLE} when Redis did not "
    f"acknowledge in time (try again), {REFUSED} when it refused or the spool is full, {UNEXPECTED} for what should "
    f"not have happened. run exits as its command did; flush with {UNAVAILABLE} when something still waits, 3 when "
    "it does for another server, 1 when a spool was damaged or cannot be used; import with 1 when a line was bad.",
    # Plain help: rich takes as long to load as all the rest, and `run` stands before every command.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)
# The options of `run` end with the first word of the command; the rest is the command's, whatever it looks like.
app.command(context_settings={"allow_interspersed_args": False})(run)
app.command()(started)
app.command()(completed)
app.command()(cleanup)
app.command("import")(import_)
app.command()(flush)
app.command()(spool)


def main() -> None:
    """Run the command line in `sys.argv` and exit; no traceback reaches the user, nor a password."""
    occupy_standard_descriptors()
    hide_passwords()
    logging.getLogger("producer").addHandler(logging.NullHandler())  # each command says what there is to say
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends us as it ends any program, without a traceback
    try:
        app()
    except (InvalidOperation, UnusableServer) as error:
        _fail(INVALID, str(error))
    except WalRefused as error:
        _fail(REFUSED, f"not recorded: {error.reason}")
    except Unacknowledged as error:
        _fail(UNAVAILABLE, f"not acknowledged: {error.reason}")
    except Unavailable as error:
        _fail(REFUSED, str(error))
    except OSError as error:
        _fail(REFUSED, f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
    except Exception as error:  # noqa: BLE001 - a traceback is for us, not for a script's log
        _fail(UNEXPECTED, f"{type(error).__name__}: {error}")


def _fail(status: int, text: str) -> NoReturn:
    typer.echo(f"producer: {' '.join(text.split())}", err=True)
    raise SystemExit(status)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"producer (execution-wal) {version('execution-wal')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass
