"""The room for a producer's operations in its spool: the bounds, less what dead producers left there."""

import math
import time
from collections.abc import Callable

from producer.spool.options import Spool

_MEASURE_SECONDS = 1.0
"""Between two measurements of what dead producers left, while there is no room."""


class Room:
    """How many `bytes` our own operations may have, and the `deadline` (epoch ms) after which none is taken.

    Ages are by the wall clock, because they outlive processes. `left_behind` tells how many bytes dead producers
    left, and when the oldest of their operations was recorded (epoch ms). It raises SpoolUnusable.
    """

    def __init__(
        self,
        bounds: Spool,
        left_behind: Callable[[], tuple[int, int | None]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bounds = bounds
        self.deadline = math.inf
        self._measure = left_behind
        self._monotonic = monotonic
        self._own_oldest: int | None = None
        self.measure()

    def measure(self) -> None:
        """Find out anew what dead producers left."""
        self._left_bytes, self._left_oldest = self._measure()
        self._measured_at = self._monotonic()
        self.bytes = self.bounds.bytes - self._left_bytes
        self.keep_time(self._own_oldest)

    def keep_time(self, own_oldest: int | None) -> None:
        """Note when the oldest of our own operations was recorded (epoch ms; None: there is none)."""
        self._own_oldest = own_oldest
        if self.bounds.age is not None:
            since = [at for at in (own_oldest, self._left_oldest) if at is not None]
            self.deadline = min(since) + self.bounds.age * 1000 if since else math.inf

    def refusal(self, taken: int, more: int, at: int) -> str | None:
        """Why an operation of `more` bytes, recorded `at` (epoch ms), may not join `taken` bytes; None if it may."""
        if self._monotonic() - self._measured_at >= _MEASURE_SECONDS:
            self.measure()
        if taken + more > self.bytes:
            found = taken + self._left_bytes
            return f"an operation of {more} bytes finds {found} bytes waiting, of at most {self.bounds.bytes}"
        if at > self.deadline:
            is_own = self._own_oldest is not None and self._own_oldest + (self.bounds.age or 0) * 1000 < at
            whose = "its oldest operation" if is_own else "what a dead producer left beside it"
            return f"{whose} has waited for more than {self.bounds.age:g} s"
        return None
