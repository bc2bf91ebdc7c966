"""How safe an operation has to be before it counts as recorded: by the server, on its disk, with its replicas.

The server's own acknowledgement is the least; WAITAOF and WAIT, on the connection that wrote, ask for more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from producer.connection.client import is_refusal
from producer.delivery.pipeline import Pipeline
from producer.errors import UnusableServer

__all__ = ["ACKNOWLEDGED", "Durability", "Level"]

DEFAULT_SECONDS = 5.0
"""Longer than `appendfsync everysec` takes."""

_PROBE = ("WAITAOF", 1, 0, 1)
"""On a connection that has written nothing it returns at once, or says why it never would."""


class Level(NamedTuple):
    """How safe an operation has to be before it may leave its queue, whoever sends it."""

    fsync: bool = False
    replicas: int = 0


ACKNOWLEDGED = Level()
"""The least: by the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """`fsync`: in the server's AOF, and synced. `replicas`: received by so many. Both within `timeout` seconds."""

    fsync: bool = False
    replicas: int = 0
    timeout: float = DEFAULT_SECONDS

    def __post_init__(self) -> None:
        if not isinstance(self.fsync, bool):
            raise ValueError(f"fsync: expected True or False, found {self.fsync!r}")
        if not isinstance(self.replicas, int) or isinstance(self.replicas, bool) or self.replicas < 0:
            raise ValueError(f"replicas: expected a number from 0, found {self.replicas!r}")
        if not isinstance(self.timeout, int | float) or not 0 < self.timeout < math.inf:
            raise ValueError(f"durability_timeout: expected more than 0 seconds, found {self.timeout!r}")

    @property
    def level(self) -> Level:
        return Level(self.fsync, self.replicas)

    def raised_to(self, level: Level) -> Durability:
        """As safe as `level` at least."""
        return replace(self, fsync=self.fsync or level.fsync, replicas=max(self.replicas, level.replicas))

    @property
    def commands(self) -> list[tuple[Any, ...]]:
        """What is asked, on the same connection, after what was written; nothing for the least level."""
        milliseconds = max(1, math.ceil(self.timeout * 1000))  # 0 would mean to wait for ever
        asked: list[tuple[Any, ...]] = []
        if self.fsync:
            asked.append(("WAITAOF", 1, 0, milliseconds))
        if self.replicas:
            asked.append(("WAIT", self.replicas, milliseconds))
        return asked

    @property
    def needs_proof(self) -> bool:
        """Whether there are servers that cannot do it, so that `prove` has to be asked first."""
        return self.fsync

    def prove(self, pipeline: Pipeline, place: str, *, seconds: float) -> None:
        """Raises UnusableServer where it cannot be had, before anything is written; RedisError for other trouble."""
        pipeline.send([_PROBE])
        try:
            list(pipeline.replies(1, seconds=seconds))
        except ResponseError as error:
            if not is_refusal(error):
                raise
            text = str(error)
            if "unknown command" in text.lower():
                text = "it has no WAITAOF, which came with Redis 7.2"
            elif "appendonly" in text:
                text = "its AOF is off: CONFIG SET appendonly yes"
            raise UnusableServer(f"fsync=True cannot be had of {place}: {text}") from error

    def shortfall(self, replies: Sequence[Any]) -> str | None:
        """What is missing of the level, by the replies to `commands`; None when it was reached."""
        given = list(replies)
        if self.fsync and not given.pop(0)[0]:
            return f"not synced to the server's disk within {self.timeout:g} s"
        if self.replicas and (found := given.pop(0)) < self.replicas:
            return f"received by {found} of {self.replicas} replicas within {self.timeout:g} s"
        return None
