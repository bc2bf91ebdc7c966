"""How safe an operation must be before it counts as recorded: acknowledged, on the server's disk, with its replicas.

The server's own acknowledgement is the least. WAITAOF and WAIT, on the connection that wrote, ask for more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from redis.exceptions import ResponseError

from producer.connection.client import DEFAULT_SECONDS, is_refusal
from producer.connection.wire import Wire
from producer.errors import UnusableServer


def check_seconds(name: str, value: object) -> None:
    """Raises ValueError unless the option `name` has a finite number of seconds above 0 as its `value`."""
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{name}: expected more than 0 seconds, found {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """What a producer asks of the server for each operation: both within `timeout` seconds.

    The default is longer than `appendfsync everysec` takes.

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

    def raised_to(self, other: Durability) -> Durability:
        """As safe as `other` at least."""
        return replace(self, fsync=self.fsync or other.fsync, replicas=max(self.replicas, other.replicas))

    @property
    def commands(self) -> list[tuple[Any, ...]]:
        """The commands that wait for this, to be sent after the operations; none for the least durability."""
        milliseconds = max(1, math.ceil(self.timeout * 1000))  # 0 would mean to wait for ever
        asked: list[tuple[Any, ...]] = []
        if self.fsync:
            asked.append(("WAITAOF", 1, 0, milliseconds))
        if self.replicas:
            asked.append(("WAIT", self.replicas, milliseconds))
        return asked

    def confirm(self, wire: Wire, *, seconds: float) -> str | None:
        """Read the replies to `commands`, each within `seconds` beyond `timeout`. Returns what is missing, if any."""
        replies = [wire.read(self.timeout + seconds) for _ in self.commands]
        if self.fsync and not replies.pop(0)[0]:
            return f"not synced to the server's disk within {self.timeout:g} s"
        if self.replicas and (found := replies.pop(0)) < self.replicas:
            return f"received by {found} of {self.replicas} replicas within {self.timeout:g} s"
        return None


ACKNOWLEDGED = Durability()
"""The least: the server has acknowledged the operation."""


def prove_fsync(wire: Wire, place: str, *, seconds: float) -> None:
    """Raises UnusableServer if the server at `place` has no WAITAOF or no AOF; RedisError for other trouble.

    To be asked before anything is written: then the server answers at once, or says why it never would.
    """
    wire.send([("WAITAOF", 1, 0, 1)])
    try:
        wire.read(seconds)
    except ResponseError as error:
        if not is_refusal(error):
            raise
        text = str(error)
        if "unknown command" in text.lower():
            text = "it has no WAITAOF, which came with Redis 7.2"
        elif "appendonly" in text:
            text = "its AOF is off: CONFIG SET appendonly yes"
        raise UnusableServer(f"fsync=True cannot be had of {place}: {text}") from error
