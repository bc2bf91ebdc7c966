"""The lines that the demonstration writes while it runs."""

from __future__ import annotations

import time
from typing import TextIO

_CLEAR_LINE = "\r\x1b[2K"


class Narrator:
    """Writes lines that stay to `stream`; on a terminal, also one line below them that shows the progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._clear_line = _CLEAR_LINE if stream.isatty() else ""
        self.began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since `began`."""
        return time.monotonic() - self.began

    def event(self, text: str) -> None:
        """A line that stays, with the time."""
        self.say(f"{self.elapsed:5.1f} s  {text}")

    def say(self, text: str = "") -> None:
        """A line that stays."""
        self._write(f"{text}\n")

    def progress(self, text: str) -> None:
        """The text of the progress line."""
        if self._clear_line:
            self._write(f"{self.elapsed:5.1f} s  {text}")

    def _write(self, text: str) -> None:
        self._stream.write(f"{self._clear_line}{text}")
        self._stream.flush()
