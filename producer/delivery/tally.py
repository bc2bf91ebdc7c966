"""How often something has happened, counted where no lock may be waited for."""

import threading
from itertools import count


class Tally:
    """Counts up. Safe under threads and in signal handlers: to count waits for no lock, and none is lost."""

    def __init__(self) -> None:
        self._numbers = count()
        self._reads = 0
        self._reading = threading.Lock()

    def add(self) -> None:
        """Count one."""
        next(self._numbers)

    @property
    def value(self) -> int:
        """How many were counted. Not for signal handlers."""
        with self._reading:
            found = next(self._numbers) - self._reads  # to look at the number takes it
            self._reads += 1
        return found
