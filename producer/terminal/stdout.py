"""Standard output, which may be a terminal, a file on a full disk, or a pipe whose reader has left."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

import typer


def is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def write_json(value: Any) -> None:
    """Write `value`, of dataclasses and plain types, as one JSON document: ASCII alone, integers of any size."""
    write(json.dumps(value, default=asdict, indent=2) + "\n")


def write(text: str) -> None:
    """Write all of `text` at once. A reader that has left (`| head`) ends the command with status 0.

    Raises OSError, which names standard output, if it cannot be written: a disk may be full.
    """
    stdout = sys.stdout
    if stdout is None:  # closed by the shell: >&-
        return
    try:
        stdout.flush()
        # What the terminal's encoding lacks is escaped, as Python does on stderr.
        stdout.buffer.write(text.encode(stdout.encoding, "backslashreplace"))
        stdout.buffer.flush()
    except BrokenPipeError:
        _discard_the_rest()
        raise typer.Exit(0) from None
    except OSError as error:
        _discard_the_rest()
        raise OSError(error.errno, error.strerror, "standard output") from None


def _discard_the_rest() -> None:
    """Else the interpreter fails once more, with a traceback, when it flushes on its way out."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
