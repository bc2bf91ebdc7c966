"""The way in which a writer's operations go to the log, and what a call that returned promises on it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from producer import Durability

__all__ = ["ON_A_CLUSTER", "ON_ONE_SERVER", "Way"]

_REPLICA_SECONDS = 0.4
"""As long as a writer waits for the server itself."""
_BUFFERED = 10_000


class Way(Enum):
    """With a spool, a directory for each way: who carries on for a dead writer asks for the same durability."""

    DIRECT = "direct"
    """Each call waits for the server's acknowledgement."""
    SPOOLED = "spooled"
    """A call returns once its operation is in the spool, which it leaves when the server has acknowledged it."""
    SYNCED = "synced"
    """By a spool, which an operation leaves once it is on the server's disk: no kill of a server takes it."""
    REPLICATED = "replicated"
    """Each call waits until a replica has the operation, too: no failover to that replica takes it."""
    BUFFERED = "buffered"
    """A call returns at once and promises nothing; a flush in the end does."""

    @property
    def is_spooled(self) -> bool:
        return self in (Way.SPOOLED, Way.SYNCED)

    def spool(self, directory: Path) -> Path:
        """Where its writers keep theirs, in the `directory` of all writers."""
        return directory / f"{self.value}.spool"

    def options(self, directory: Path) -> dict[str, Any]:
        """What a Producer is made with."""
        if self is Way.REPLICATED:
            return {"durability": Durability(replicas=1, timeout=_REPLICA_SECONDS)}
        if self is Way.BUFFERED:
            return {"buffer": _BUFFERED}
        if not self.is_spooled:
            return {}
        return {"spool": self.spool(directory), "durability": Durability(fsync=self is Way.SYNCED)}


ON_ONE_SERVER = (Way.DIRECT, Way.SPOOLED, Way.SYNCED)
ON_A_CLUSTER = (Way.DIRECT, Way.SPOOLED, Way.REPLICATED, Way.BUFFERED)
