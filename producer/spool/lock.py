"""The lock of a spool, and in its file a note of the waiting operations: nobody else can open a spool in use."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from msgspec import json

from producer.durability import Durability
from producer.file_lock import FileLock

SPOOL, LOCK = ".spool", ".lock"

_NOTE_BYTES = 2048
"""Every note is as long. So nobody reads a note with the end of another, and none needs more room on a full disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The producer `by` whose operations a file holds, and where they go: to the log of `namespace` at `server`.

    `producer/connection/server.py` has the forms of `server`. An operation leaves the file when it is as safe there
    as `fsync` and `replicas` ask. The producer may claim `acked` as acknowledged, and gave up `dropped` operations
    because the spool was full. Raises ValueError if `fsync` and `replicas` make no sense.
    """

    by: str
    namespace: str
    server: str
    fsync: bool = False
    replicas: int = 0
    acked: int = 0
    dropped: int = 0

    def __post_init__(self) -> None:
        _ = self.level  # of a damaged note it may make no sense

    @property
    def level(self) -> Durability:
        return Durability(fsync=self.fsync, replicas=self.replicas)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Owner):
    """What waits in a spool: `operations` of its owner, `bytes` in all, the oldest from `oldest_at` (epoch ms)."""

    operations: int
    bytes: int
    oldest_at: int | None

    @classmethod
    def noted(cls, path: Path) -> Waiting | None:
        """The note in the lock of the spool at `path`; None if there is none that makes sense."""
        try:
            return json.decode(path.with_suffix(LOCK).read_bytes(), type=cls)
        except (OSError, ValueError):
            return None


class SpoolLock(FileLock):
    """On a file beside the spool's: closing any descriptor of a SQLite file would undo SQLite's own locks."""

    @classmethod
    def of_new_spool(cls, directory: Path) -> Self:
        """The lock of a spool in `directory` that is not there yet. Raises OSError."""
        while True:
            lock = cls.take(directory / f"{secrets.token_hex(8)}{LOCK}")
            if lock is not None:  # else somebody tidies up, and takes it for a lock without a spool
                return lock

    @property
    def spool(self) -> Path:
        """The path of the spool's file."""
        return self.path.with_suffix(SPOOL)

    def remove_with_spool(self) -> None:
        """Remove the spool's file, and beside it SQLite's log and the log's index, then the lock. Raises OSError."""
        for side in ("", "-wal", "-shm"):
            self.spool.with_name(self.spool.name + side).unlink(missing_ok=True)
        self.remove()

    def note(self, waiting: Waiting | None) -> None:
        """Write down the waiting operations; None: nobody knows without a look into the spool itself."""
        self.write((b"" if waiting is None else json.encode(waiting)).ljust(_NOTE_BYTES))
