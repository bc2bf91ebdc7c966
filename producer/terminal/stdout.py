"""Standard output, which may be a terminal, a file on a full disk, or a pipe whose reader has left."""

import os
import select
import sys
from typing import Any

from producer.text.document import json_text


def is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def reader_has_left() -> bool:
    """Whether stdout is a pipe whose reader has closed it (`| head`), so that no more need be said."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def write_json(value: Any) -> None:
    """Write `value`, of dataclasses and plain types, as one JSON document."""
    write(json_text(value) + "\n")


def write(text: str) -> bool:
    """Write all of `text` at once; to a reader that has left (`| head`), nothing. The command's status stays its own.

    Returns False if the reader has left.

    Raises OSError, which names standard output, if it cannot be written: a disk may be full.
    """
    stdout = sys.stdout
    if stdout is None:  # closed by the shell: >&-
        return True
    try:
        stdout.flush()
        # What the terminal's encoding lacks is escaped, as Python does on stderr.
        stdout.buffer.write(text.encode(stdout.encoding, "backslashreplace"))
        stdout.buffer.flush()
    except OSError as error:
        # Else the interpreter fails once more, with a traceback, when it flushes on its way out.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stdout.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            raise OSError(error.errno, error.strerror, "standard output") from None
        return False
    return True
