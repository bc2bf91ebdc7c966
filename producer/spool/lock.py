"""A lock on a file that dies with the process that holds it, and that a forked child does not hold."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

from producer.spool.waiting import Waiting

__all__ = ["LOCK", "SPOOL", "SpoolLock"]

SPOOL, LOCK = ".spool", ".lock"


class SpoolLock:
    """Held from `take` to `release`, `drop`, or the end of the process.

    A file of its own, not the one it is for: to close any descriptor of a SQLite file would undo SQLite's own locks.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> SpoolLock | None:
        """The lock at `path`; None while another holds it. Raises OSError."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(path, descriptor):
                    return cls(path, descriptor)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # dropped by another between our two steps: to hold it would mean nothing

    @classmethod
    def of_new_spool(cls, directory: Path) -> tuple[Path, SpoolLock]:
        """(the path of a spool that is not there yet, its lock). Raises OSError."""
        while True:
            path = directory / f"{secrets.token_hex(8)}{SPOOL}"
            lock = cls.take(path.with_suffix(LOCK))
            if lock is not None:  # a lock without a spool is taken by whoever tidies up
                return path, lock

    @staticmethod
    def is_held(path: Path) -> bool:
        """Whether a process that lives holds the lock at `path`. Raises OSError, for another user's, say."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def note(self, waiting: Waiting) -> None:
        """Say what waits, for others to read."""
        waiting.note(self._descriptor)

    def take_back(self) -> None:
        """What was said may hold no longer: whoever wants to know has to look at the file itself."""
        Waiting.erase(self._descriptor)

    def release(self) -> None:
        """Let others take it."""
        os.close(self._descriptor)

    def drop(self) -> None:
        """What it was for is gone: so is the lock."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def leave_to_owner_of(self, path: Path) -> None:
        """Whoever may use that file has to be able to take the lock, too."""
        if os.geteuid() == 0:
            whose = path.stat()
            os.fchown(self._descriptor, whose.st_uid, whose.st_gid)

    def leave_to_parent(self) -> None:
        """In a forked child: the lock is the parent's alone, so that it dies with the parent."""
        os.close(self._descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
