"""A process of the demonstration: it ends with this one, and its output is kept for the case that it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from projector.embedded import tethered
from projector.errors import ProjectorError

__all__ = ["Process", "ProcessFailed"]

_STOP_SECONDS = 5.0
_SHOWN_LINES = 10


class ProcessFailed(ProjectorError):
    """A process ended that should not have; the text has the end of its output."""


class Process:
    """A Python program, in a session of its own: the terminal's Ctrl-C is for the demonstration, which ends it."""

    def __init__(self, name: str, arguments: Sequence[str], *, log: Path) -> None:
        self._name = name
        self._arguments = arguments
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False

    def start(self) -> None:
        """Start it, for the first time or again."""
        self._killed = False
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                tethered([sys.executable, *self._arguments]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # What waits in the user's own spool is not for the demonstration's log.
                env={**os.environ, "XDG_STATE_HOME": str(self._log.parent.absolute())},
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def failed(self) -> bool:
        """Whether it has ended by itself, and not well."""
        return self._process is not None and not self._killed and self._process.poll() not in (None, 0)

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        self._killed = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it in order, or by force when that takes too long."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def last_words(self) -> str:
        """How it ended, and the last lines of its output."""
        assert self._process is not None
        lines = self._log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
        told = "".join(f"\n    {line}" for line in lines)
        return f"{self._name} ended with exit status {self._process.poll()}; its last lines:{told or ' none'}"
