"""What dead producers left in a directory, one file after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

from producer.errors import SpoolUnusable
from producer.spool.directory import SpoolDirectory
from producer.spool.spool import Spool

__all__ = ["Leftovers"]

SCAN_SECONDS = 10.0
"""Between two looks at the directory: others may die while we live."""

_log = logging.getLogger("producer")


class Leftovers:
    """The spools in `directory` whose producers are dead, each ours while it is `current`. For one thread."""

    def __init__(self, directory: SpoolDirectory, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.exhausted = False
        """Whether the latest look at the directory found no more."""
        self._directory = directory
        self._monotonic = monotonic
        self._found: Iterator[Spool] = iter(())
        self._next_scan = monotonic()
        self._current: Spool | None = None

    def current(self) -> Spool | None:
        """The one to send from now; None when there is none, as of the latest look."""
        if self._current is None:
            self._current = next(self._found, None)
            if self._current is None and self._monotonic() >= self._next_scan:
                self._current = self._scan()
            self.exhausted = self._current is None
        return self._current

    def seconds_to_scan(self) -> float:
        """When to look at the directory again."""
        return max(0.0, self._next_scan - self._monotonic())

    def look_again(self) -> None:
        """Look at the directory as soon as what was found there is done with. From any thread."""
        self.exhausted = False
        self._next_scan = self._monotonic()

    def finish(self) -> None:
        """All of the current one has arrived."""
        if self._current is not None:
            _log.info("delivered what %s had left", self._current.identity.by)
            self.close()

    def rescue(self) -> None:
        """The current one turned out damaged: go on with what is intact of it."""
        damaged = self._current
        if damaged is not None:
            self.close()
            self._current = self._directory.rescue(damaged.path)

    def close(self) -> None:
        """Leave the current one to others; an empty one goes."""
        current, self._current = self._current, None
        if current is not None:
            current.close()

    def _scan(self) -> Spool | None:
        self._next_scan = self._monotonic() + SCAN_SECONDS
        self._found = self._directory.leftovers()
        try:
            return next(self._found, None)
        except SpoolUnusable as error:
            _log.error("%s", error)
            return None
