"""Log lines of a projector's process."""

import logging
import sys


def log_to_stderr(*, of_threads: bool = False) -> None:
    """Log each event in a line on stderr, with its time; `of_threads`: and with the name of the thread, which is the
    namespace that its projector serves."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=f"%(asctime)s %(levelname)s {'%(threadName)s: ' if of_threads else ''}%(message)s",
        datefmt="%Y-%m-%d %H:%M:%S %Z",
        force=True,
    )
