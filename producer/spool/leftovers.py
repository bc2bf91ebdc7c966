"""The spools that dead producers left in a directory, delivered one after the other."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from producer.spool.directory import SpoolDirectory
from producer.spool.spool_queue import SpoolQueue

SCAN_SECONDS = 10.0
"""Between two looks at the directory: other producers may die while ours lives."""

_log = logging.getLogger("producer")


class Leftovers:
    """The spools in `directory` that no living process holds, each ours while it is `current`.

    With `idle`, nobody looks at the directory but to go on after damage to a spool of the living producer.

    A spool that cannot be delivered as things are is put off until the next look at the directory. For one thread,
    except for `look_again`, `exhausted`, `go_first` and `trouble`.
    """

    def __init__(
        self,
        directory: SpoolDirectory,
        *,
        idle: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._current: SpoolQueue | None = None
        self._found: Iterator[SpoolQueue] = iter(())
        self._every = threading.TIMEOUT_MAX if idle else SCAN_SECONDS
        self._looked_at = monotonic() if idle else -math.inf
        self._wanted_at = -math.inf if idle else monotonic()
        self._done_at = -math.inf  # the look whose spools are all done with
        self._put_off: dict[Path, tuple[float, str]] = {}  # until when, and why

    @property
    def exhausted(self) -> bool:
        """Whether each spool that was there at the latest `look_again` is delivered, put off, or another's."""
        return self._done_at >= self._wanted_at and not self.go_first

    @property
    def go_first(self) -> bool:
        """Whether a spool of the living producer is among them: its operations precede those recorded now."""
        return self._directory.has_left_own

    @property
    def trouble(self) -> str | None:
        """Why a spool was put off; None if no spool was."""
        return next((why for _, why in list(self._put_off.values())), None)

    @property
    def is_suspect(self) -> bool:
        """Whether the current spool was put off before."""
        return self._current is not None and self._current.path in self._put_off

    def look_again(self) -> None:
        """Look at the directory as soon as the spools that were found there are done with."""
        self._wanted_at = self._monotonic()

    def current(self) -> SpoolQueue | None:
        """The spool to send from now; None if there was none at the latest look."""
        if self._current is None:
            self._current = next(self._found, None)
        if self._current is None and self.seconds_to_look() <= 0:
            self._looked_at = now = self._monotonic()
            self._put_off = {path: noted for path, noted in self._put_off.items() if path.exists()}
            not_due = {path for path, (due, _) in self._put_off.items() if due > now}
            self._found = self._directory.leftovers(skip=not_due)
            self._current = next(self._found, None)
        if self._current is None:
            self._done_at = self._looked_at
            self._directory.has_left_own = False  # while it is set, each call looks, and this look found no spool
        return self._current

    def seconds_to_look(self) -> float:
        """In how many seconds to look at the directory again."""
        if self._looked_at < self._wanted_at or self._directory.has_left_own:
            return 0.0
        return max(0.0, self._looked_at + self._every - self._monotonic())

    def rescue(self) -> None:
        """Go on with the intact operations of the current spool, which is damaged.

        Raises SpoolUnusable if they cannot be saved: the damaged spool stays, and is to be put off.
        """
        if self._current is not None:
            damaged = self._current
            damaged.close()
            self._current = self._directory.rescue(damaged.path)
            self._put_off.pop(damaged.path, None)

    def finish(self) -> None:
        """Let go of the current spool, which is delivered."""
        if self._current is not None:
            _log.info("delivered what %s had left", self._current.identity.by)
            self._put_off.pop(self._current.path, None)
            self.close()

    def note(self, why: str) -> None:
        """Note why the current spool is not delivered yet."""
        if self._current is not None:
            path = self._current.path
            if why != self._put_off.get(path, (0, ""))[1]:
                _log.warning("what %s left in %s waits: %s", self._current.identity.by, path, why)
            self._put_off[path] = self._monotonic() + SCAN_SECONDS, why

    def put_off(self, why: str) -> None:
        """Leave the current spool, which cannot be delivered as things are, to others; go on with the next."""
        self.note(why)
        self.close()

    def give_back(self) -> None:
        """Leave the current spool to others, who may reach the server; the next `current` looks again."""
        self.close()
        self._found = iter(())
        self.look_again()

    def close(self) -> None:
        """Let go of the current spool; an empty file is removed."""
        current, self._current = self._current, None
        if current is not None:
            current.close()
