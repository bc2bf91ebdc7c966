"""The way in which a writer's operations go to the log, and what a call that returned promises on it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from producer import Durability

__all__ = ["Way"]


class Way(Enum):
    """With a spool, a directory for each way: who carries on for a dead writer asks for the same durability."""

    DIRECT = "direct"
    """Each call waits for the server's acknowledgement."""
    SPOOLED = "spooled"
    """A call returns once its operation is in the spool, which it leaves when the server has acknowledged it."""
    SYNCED = "synced"
    """By a spool, which an operation leaves once it is on the server's disk: no kill of a server takes it."""

    @property
    def is_spooled(self) -> bool:
        return self is not Way.DIRECT

    def spool(self, directory: Path) -> Path:
        """Where its writers keep theirs, in the `directory` of all writers."""
        return directory / f"{self.value}.spool"

    def options(self, directory: Path) -> dict[str, Any]:
        """What a Producer is made with."""
        if not self.is_spooled:
            return {}
        return {"spool": self.spool(directory), "durability": Durability(fsync=self is Way.SYNCED)}
