"""How much may wait in a spool, and what happens to what is more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["DEFAULT_BYTES", "SpoolBounds"]

DEFAULT_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolBounds:
    """At most `bytes` of operations, of one process and of the dead ones before it; the oldest waits `age` seconds.

    The age is judged by the wall clock, since it outlives processes; None: for however long. `on_full`: "raise"
    SpoolFull, or "drop" the newest; but the very last is kept, since by its number those before it are seen to be
    missing.
    """

    bytes: int = DEFAULT_BYTES
    age: float | None = None
    on_full: Literal["raise", "drop"] = "raise"

    def __post_init__(self) -> None:
        if not isinstance(self.bytes, int) or self.bytes < 1:
            raise ValueError(f"spool_bytes: expected a number from 1, found {self.bytes!r}")
        if self.age is not None and (not isinstance(self.age, int | float) or not 0 < self.age < math.inf):
            raise ValueError(f"spool_age: expected more than 0 seconds, or None, found {self.age!r}")
        if self.on_full not in ("raise", "drop"):
            raise ValueError(f'on_full: expected "raise" or "drop", found {self.on_full!r}')
