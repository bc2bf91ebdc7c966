"""The console script `producer`."""

import logging
import signal

__all__ = ["main"]


def main() -> None:
    """Run the command line in `sys.argv` and exit; no password reaches the user, and no traceback but for a bug.

    The CLI library is loaded here, not on import.
    """
    from producer.cli.app import app
    from producer.command.child import occupy_standard_descriptors
    from producer.terminal.program import run_program

    occupy_standard_descriptors()
    logging.getLogger("producer").addHandler(logging.NullHandler())  # each command says what there is to say
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends us as it ends any program, without a traceback
    run_program("producer", app)
