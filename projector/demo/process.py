"""A child process of the demonstration: it ends with the demonstration, and its output goes to a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from projector.embedded import tethered
from projector.errors import ProjectorError

_STOP_SECONDS = 5.0
_SHOWN_LINES = 10


class Process:
    """A Python program, in a session of its own, so that the terminal's Ctrl-C reaches the demonstration alone."""

    def __init__(self, name: str, *arguments: str, log: Path) -> None:
        self._name = name
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                tethered([sys.executable, *arguments]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # The default spool of a user holds operations of the user's, which must not come into this log.
                env={**os.environ, "XDG_STATE_HOME": str(log.parent.absolute())},
            )

    def is_running(self) -> bool:
        """Whether it runs; raises ProjectorError if it has failed by itself."""
        status = self._process.poll()
        if status:
            lines = self._log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
            shown = "".join(f"\n    {line}" for line in lines) or " none"
            raise ProjectorError(f"{self._name} ended with exit status {status}; its last lines:{shown}")
        return status is None

    def kill(self) -> None:
        """Send SIGKILL, as a crash."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL if the process has not ended after 5 s."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
