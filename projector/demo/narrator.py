"""What the demonstration says while it runs."""

from __future__ import annotations

import time
from typing import TextIO

__all__ = ["Narrator"]

_CLEAR_LINE = "\r\x1b[2K"


class Narrator:
    """Lines that stay, with the time; and on a terminal, one line below them that lives."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def begin(self) -> None:
        """The clock starts now."""
        self._began = time.monotonic()

    def event(self, text: str) -> None:
        self.say(f"{self.elapsed:5.1f} s  {text}")

    def say(self, text: str = "") -> None:
        self.clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def progress(self, text: str) -> None:
        if self._live:
            self._stream.write(f"{_CLEAR_LINE}{self.elapsed:5.1f} s  {text}")
            self._stream.flush()

    def clear(self) -> None:
        """Remove the line that lives."""
        if self._live:
            self._stream.write(_CLEAR_LINE)
            self._stream.flush()
