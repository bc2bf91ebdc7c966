"""The spools that dead producers left in a directory, delivered one after the other."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from producer.errors import SpoolUnusable
from producer.spool.directory import SpoolDirectory
from producer.spool.spool_queue import SpoolQueue

SCAN_SECONDS = 10.0
"""Between two looks at the directory: other producers may die while ours lives."""

_log = logging.getLogger("producer")


class Leftovers:
    """The spools in `directory` that no living process holds, each ours while it is `current`.

    A spool that cannot be delivered as things are is put off until the next look at the directory. For one thread,
    except for `look_again`, `exhausted`, `go_first` and `trouble`.
    """

    def __init__(self, directory: SpoolDirectory, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._current: SpoolQueue | None = None
        self._found: Iterator[SpoolQueue] = iter(())
        self._looked_at = -math.inf
        self._wanted_at = monotonic()
        self._done_at = -math.inf  # all that was found then is done with
        self._own_found = False
        self._put_off: dict[Path, tuple[float, str]] = {}  # until when, and why
        self._said = ""

    @property
    def exhausted(self) -> bool:
        """Whether all that was there when it was last asked for is delivered, put off, or another's."""
        return self._done_at >= self._wanted_at and not self.go_first

    @property
    def go_first(self) -> bool:
        """Whether operations of the living producer are among them, which precede those that it records now."""
        return self._directory.has_left_own or self._own_found

    @property
    def trouble(self) -> str | None:
        """Why some of them cannot be delivered at present, if so."""
        return next((why for _, why in list(self._put_off.values())), None)

    @property
    def is_suspect(self) -> bool:
        """Whether the current one was put off before."""
        return self._current is not None and self._current.path in self._put_off

    def look_again(self) -> None:
        """Look at the directory as soon as what was found there is done with."""
        self._wanted_at = self._monotonic()

    def current(self) -> SpoolQueue | None:
        """The spool to send from now; None if there was none at the latest look."""
        if self._current is None:
            self._current = next(self._found, None)
        if self._current is None and self.seconds_to_look() <= 0:
            self._looked_at = self._monotonic()
            self._current = self._look()
        if self._current is None:
            self._done_at = self._looked_at
            self._own_found = False
        return self._current

    def seconds_to_look(self) -> float:
        """When to look at the directory again."""
        if self._looked_at < self._wanted_at or self._directory.has_left_own:
            return 0.0
        return max(0.0, self._looked_at + SCAN_SECONDS - self._monotonic())

    def rescue(self) -> None:
        """Go on with what is intact of the current one, which is damaged.

        Raises SpoolUnusable if that cannot be saved: the damaged one stays, and is to be put off.
        """
        if self._current is not None:
            damaged = self._current
            damaged.close()
            self._current = self._directory.rescue(damaged.path)
            self._put_off.pop(damaged.path, None)

    def finish(self) -> None:
        """All of the current one was delivered."""
        if self._current is not None:
            _log.info("delivered what %s had left", self._current.identity.by)
            self._put_off.pop(self._current.path, None)
            self.close()

    def note(self, why: str) -> None:
        """Note why the current one is not delivered yet."""
        if self._current is not None:
            path = self._current.path
            if why != self._put_off.get(path, (0, ""))[1]:
                _log.warning("what %s left in %s waits: %s", self._current.identity.by, path, why)
            self._put_off[path] = self._monotonic() + SCAN_SECONDS, why

    def put_off(self, why: str) -> None:
        """Leave the current one, which cannot be delivered as things are, to others; go on with the next."""
        self.note(why)
        self.close()

    def give_back(self) -> None:
        """Leave the current one to others, who may reach the server; look again when it is asked for."""
        self.close()
        self._found = iter(())
        self.look_again()

    def close(self) -> None:
        """Let go of the current one; an empty one is removed."""
        current, self._current = self._current, None
        if current is not None:
            current.close()

    def _look(self) -> SpoolQueue | None:
        if self._directory.has_left_own:
            self._own_found, self._directory.has_left_own = True, False
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
