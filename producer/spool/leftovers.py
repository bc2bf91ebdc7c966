"""What dead producers left in a directory, one file after the other."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from producer.errors import SpoolUnusable
from producer.spool.directory import SpoolDirectory
from producer.spool.spool import Spool

__all__ = ["Leftovers"]

SCAN_SECONDS = 10.0
"""Between two looks at the directory: others may die while we live."""

_log = logging.getLogger("producer")


class Leftovers:
    """The spools in `directory` whose producers are dead, each ours while it is `current`.

    One that cannot be delivered as things are is put off, for as long as the directory is not looked at anyway.
    For one thread, but for `look_again`, `exhausted` and `trouble`.
    """

    def __init__(self, directory: SpoolDirectory, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._current: Spool | None = None
        self._found: Iterator[Spool] = iter(())
        self._looked_at = -math.inf
        self._wanted_at = monotonic()
        self._done_at = -math.inf  # all that was found then is done with
        self._put_off: dict[Path, tuple[float, str]] = {}  # until when, and why
        self._said = ""

    @property
    def exhausted(self) -> bool:
        """Whether all that was there when it was last asked for is done with, put off, or another's."""
        return self._done_at >= self._wanted_at

    @property
    def trouble(self) -> str | None:
        """Why some of it cannot be delivered at present, if so."""
        return next((why for _, why in list(self._put_off.values())), None)

    @property
    def is_suspect(self) -> bool:
        """Whether the current one was put off before."""
        return self._current is not None and self._current.path in self._put_off

    def look_again(self) -> None:
        """Look at the directory as soon as what was found there is done with."""
        self._wanted_at = self._monotonic()

    def current(self) -> Spool | None:
        """The one to send from now; None when there is none, as of the latest look."""
        if self._current is None:
            self._current = next(self._found, None)
        if self._current is None and self.seconds_to_look() <= 0:
            self._looked_at = self._monotonic()
            self._current = self._look()
        if self._current is None:
            self._done_at = self._looked_at
        return self._current

    def seconds_to_look(self) -> float:
        """When to look at the directory again."""
        if self._looked_at < self._wanted_at:
            return 0.0
        return max(0.0, self._looked_at + SCAN_SECONDS - self._monotonic())

    def finish(self) -> None:
        """All of the current one has arrived."""
        if self._current is not None:
            _log.info("delivered what %s had left", self._current.identity.by)
            self._put_off.pop(self._current.path, None)
            self.close()

    def note(self, why: str) -> None:
        """The current one could not be delivered so far."""
        if self._current is not None:
            path = self._current.path
            if why != self._put_off.get(path, (0, ""))[1]:
                _log.warning("what %s left in %s waits: %s", self._current.identity.by, path, why)
            self._put_off[path] = self._monotonic() + SCAN_SECONDS, why

    def put_off(self, why: str) -> None:
        """The current one cannot be delivered as things are: leave it to others, and go on with the next."""
        self.note(why)
        self.close()

    def give_back(self) -> None:
        """It cannot be sent now: another producer may have more luck. It is looked for again when it is asked for."""
        self.close()
        self._found = iter(())
        self.look_again()

    def close(self) -> None:
        """Leave the current one to others; an empty one goes."""
        current, self._current = self._current, None
        if current is not None:
            current.close()

    def _look(self) -> Spool | None:
        self._put_off = {path: noted for path, noted in self._put_off.items() if path.exists()}
        now = self._monotonic()
        self._found = self._directory.leftovers(skip={path for path, (due, _) in self._put_off.items() if due > now})
        try:
            return next(self._found, None)
        except SpoolUnusable as error:
            if str(error) != self._said:
                self._said = str(error)
                _log.error("%s", error)
            return None
