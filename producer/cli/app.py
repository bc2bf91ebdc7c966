"""The command line `producer`: its commands put together."""

from __future__ import annotations

import logging
import signal

from producer.cli.flush import flush
from producer.cli.import_ import import_
from producer.cli.record import cleanup, completed, started
from producer.cli.run import run
from producer.cli.spool import spool
from producer.command.child import occupy_standard_descriptors
from producer.terminal.exit_status import BUG, FAILED, PRODUCER, TRY_AGAIN, USAGE
from producer.terminal.program import add_commands, new_program, run_program

app = new_program(
    "producer",
    summary="Record what is run in the write-ahead log.",
    epilog="started, completed and cleanup print the id of the entry; with a spool, the producer and its number. "
    f"They exit with {USAGE} for arguments that make no valid operation, {TRY_AGAIN} when Redis did not "
    f"acknowledge in time (try again), {FAILED} when it refused or the spool is full, {BUG} for what should "
    f"not have happened. run exits as its command did; flush with {TRY_AGAIN} when something still waits, 3 when "
    "it does for another server, 1 when a spool was damaged or cannot be used; import with 1 when a line was bad.",
    # Plain help: rich takes as long to load as all the rest, and `run` stands before every command.
    rich_markup_mode=None,
)
# The options of `run` end with the first word of the command; the rest is the command's, whatever it looks like.
add_commands(app, run, context_settings={"allow_interspersed_args": False})
add_commands(app, started, completed, cleanup)
add_commands(app, import_, name="import")
add_commands(app, flush, spool)


def main() -> None:
    """Run the command line in `sys.argv` and exit; no traceback reaches the user, nor a password."""
    occupy_standard_descriptors()
    logging.getLogger("producer").addHandler(logging.NullHandler())  # each command says what there is to say
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends us as it ends any program, without a traceback
    run_program("producer", lambda: app(), PRODUCER)
