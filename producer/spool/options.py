"""The options of a spool, as a producer's caller gives them."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal

from producer.durability import check_seconds

if TYPE_CHECKING:
    from producer.connection.destination import Destination


@dataclass(frozen=True, slots=True)
class Spool:
    """A directory in which operations wait until the log has them; it is made if it is not there.

    At most `bytes` wait there, for at most `age` seconds (None: for however long), including those that dead
    producers left. `on_full` says what becomes of an operation beyond that: "raise" raises SpoolFull; "drop" drops
    it, and it shows as missing. (The last one is kept: its number shows that those before it are missing.)
    `synchronous="full"` lets each call wait for the local disk, so that its operation survives a loss of power.
    `destination` is the server that operations are for, if it is not simply the producer's.

    Raises ValueError for a value that makes no sense.
    """

    directory: str | os.PathLike[str]
    _: KW_ONLY
    bytes: int = 1 << 30
    age: float | None = None
    on_full: Literal["raise", "drop"] = "raise"
    synchronous: Literal["normal", "full"] = "normal"
    destination: Destination | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.bytes, int) or self.bytes < 1:
            raise ValueError(f"bytes of a spool: expected a number from 1, found {self.bytes!r}")
        if self.age is not None:
            check_seconds("age of a spool", self.age)
        if self.on_full not in ("raise", "drop"):
            raise ValueError(f'on_full: expected "raise" or "drop", found {self.on_full!r}')
        if self.synchronous not in ("normal", "full"):
            raise ValueError(f'synchronous: expected "normal" or "full", found {self.synchronous!r}')

    @classmethod
    def of(cls, spool: Spool | str | os.PathLike[str]) -> Spool:
        """The options themselves, or those of a plain directory."""
        return spool if isinstance(spool, Spool) else cls(spool)
