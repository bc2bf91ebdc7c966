"""How safe an operation must be before it counts as recorded: acknowledged, on the server's disk, with its replicas.

The server's own acknowledgement is the least. WAITAOF and WAIT, on the connection that wrote, ask for more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

DEFAULT_SECONDS = 5.0
"""Longer than `appendfsync everysec` takes."""


class Level(NamedTuple):
    """How safe an operation must be before it may leave its queue, whoever sends it."""

    fsync: bool = False
    replicas: int = 0


ACKNOWLEDGED = Level()
"""The least: the server has acknowledged the operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """What a producer asks of the server for each operation: both within `timeout` seconds.

    `fsync`: the operation is in the server's AOF, and synced to its disk. `replicas`: so many replicas have it.
    Raises ValueError for a value that makes no sense.
    """

    fsync: bool = False
    replicas: int = 0
    timeout: float = DEFAULT_SECONDS

    def __post_init__(self) -> None:
        if not isinstance(self.fsync, bool):
            raise ValueError(f"fsync: expected True or False, found {self.fsync!r}")
        if not isinstance(self.replicas, int) or isinstance(self.replicas, bool) or self.replicas < 0:
            raise ValueError(f"replicas: expected a number from 0, found {self.replicas!r}")
        check_seconds("timeout of the durability", self.timeout)

    @property
    def level(self) -> Level:
        """The same without the timeout, as a spool notes it for whoever delivers its operations."""
        return Level(self.fsync, self.replicas)

    def raised_to(self, level: Level) -> Durability:
        """As safe as `level` at least."""
        return replace(self, fsync=self.fsync or level.fsync, replicas=max(self.replicas, level.replicas))

    @property
    def commands(self) -> list[tuple[Any, ...]]:
        """The commands that wait for this, to be sent after the operations; none for the least level."""
        milliseconds = max(1, math.ceil(self.timeout * 1000))  # 0 would mean to wait for ever
        asked: list[tuple[Any, ...]] = []
        if self.fsync:
            asked.append(("WAITAOF", 1, 0, milliseconds))
        if self.replicas:
            asked.append(("WAIT", self.replicas, milliseconds))
        return asked

    def shortfall(self, replies: Sequence[Any]) -> str | None:
        """What is missing, by the replies to `commands`; None if nothing is."""
        given = list(replies)
        if self.fsync and not given.pop(0)[0]:
            return f"not synced to the server's disk within {self.timeout:g} s"
        if self.replicas and (found := given.pop(0)) < self.replicas:
            return f"received by {found} of {self.replicas} replicas within {self.timeout:g} s"
        return None


def check_seconds(name: str, value: object) -> None:
    """Raises ValueError unless the option `name` has a finite number of seconds above 0 as its `value`."""
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{name}: expected more than 0 seconds, found {value!r}")
