"""A lock on a file that dies with the process that holds it, and that a forked child does not hold."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from producer.spool.waiting import Waiting

__all__ = ["SpoolLock"]


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
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor)

    @staticmethod
    def is_held(path: Path) -> bool:
        """Whether a process that lives holds the lock at `path`."""
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

    def leave_to_parent(self) -> None:
        """In a forked child: the lock is the parent's alone, so that it dies with the parent."""
        os.close(self._descriptor)
