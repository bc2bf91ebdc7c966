"""The lock of a spool, and in its file a note of the waiting operations: nobody else can open a spool in use."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import orjson

from producer.connection.server import Server
from producer.durability import Durability
from producer.file_lock import FileLock
from producer.spool.file import Owner

SPOOL, LOCK = ".spool", ".lock"

_NOTE_BYTES = 2048
"""Every note is as long. So nobody reads a note with the end of another, and none needs more room on a full disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits in a spool: `operations` of the producer `by`, `bytes` in all, the oldest from `oldest_at` (ms).

    They are for `namespace` at `server` (`producer/connection/server.py` has its forms), and leave when they are as
    safe there as `fsync` and `replicas` ask. Their producer gave up `dropped` others, because the spool was full.
    """

    by: str
    server: str
    namespace: str
    fsync: bool
    replicas: int
    operations: int
    bytes: int
    oldest_at: int | None
    dropped: int

    def __post_init__(self) -> None:
        Durability(fsync=self.fsync, replicas=self.replicas)  # raises ValueError if a damaged note makes no sense

    @property
    def owner(self) -> Owner:
        """The owner of the file, as far as the note tells."""
        level = Durability(fsync=self.fsync, replicas=self.replicas)
        return Owner(by=self.by, namespace=self.namespace, server=Server(self.server), level=level)

    @classmethod
    def noted(cls, lock: Path) -> Waiting | None:
        """The note in the file of a lock; None if there is none."""
        try:
            return cls(**orjson.loads(lock.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


class SpoolLock(FileLock):
    """On a file beside the spool's: closing any descriptor of a SQLite file would undo SQLite's own locks."""

    @classmethod
    def of_new_spool(cls, directory: Path) -> tuple[Path, Self]:
        """(the path of a spool that is not there yet, its lock). Raises OSError."""
        while True:
            path = directory / f"{secrets.token_hex(8)}{SPOOL}"
            lock = cls.take(path.with_suffix(LOCK))
            if lock is not None:  # else somebody tidies up, and takes it for a lock without a spool
                return path, lock

    def note(self, waiting: Waiting | None) -> None:
        """Write down the waiting operations; None: nobody knows without a look into the spool itself."""
        self.write((b"" if waiting is None else orjson.dumps(asdict(waiting))).ljust(_NOTE_BYTES))
