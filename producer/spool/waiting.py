"""What waits in a spool, noted in the file of its lock: while a process has the spool, no other can look into it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

__all__ = ["Waiting"]

_ROOM = 2048
"""Every note is as long, so that one is never read with the end of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`operations` of the producer `by`, `bytes` in all, the oldest recorded at `oldest_at` (epoch ms).

    They are for `namespace` at `server` (`producer/connection/server.py` has its forms). `dropped` of them it had to
    give up while the spool was full.
    """

    by: str
    server: str
    namespace: str
    operations: int
    bytes: int
    oldest_at: int | None
    dropped: int

    def note(self, descriptor: int) -> None:
        """Write it down; whoever reads at the same time finds this or what was there before."""
        os.pwrite(descriptor, orjson.dumps(asdict(self)).ljust(_ROOM), 0)

    @staticmethod
    def erase(descriptor: int) -> None:
        """Leave no note. The file stays as long: on a disk that is full, another could not be written."""
        os.pwrite(descriptor, b" " * _ROOM, 0)

    @classmethod
    def noted(cls, path: Path) -> Waiting | None:
        """What is written in the file at `path`; None when that is nothing."""
        try:
            return cls(**orjson.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
