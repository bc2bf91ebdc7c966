"""A lock on a file: an flock, which the kernel lets go when its last holder dies."""

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Self


class FileLock:
    """Held from `take` to `release` or `remove`, or until each process that has `descriptor` open has ended."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The lock on the file at `path`, which is made if it is not there; None while somebody holds it.

        Raises OSError.
        """
        while True:
            with ExitStack() as undoing:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
                undoing.callback(os.close, descriptor)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return None
                if _is_at(path, descriptor):  # else its holder removed the file before we had the lock, which is void
                    undoing.pop_all()
                    return cls(path, descriptor)

    @staticmethod
    def is_held(path: Path) -> bool:
        """Whether a living process holds the lock on the file at `path`. Raises OSError."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            # Shared, so that two readers at the same moment do not take each other for the holder.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def write(self, content: bytes) -> None:
        """Make `content` all that the file holds, for others to read. Raises OSError."""
        os.pwrite(self.descriptor, content, 0)
        os.truncate(self.descriptor, len(content))

    def release(self) -> None:
        """Let others take it. In a forked child: have no part in the parent's lock."""
        os.close(self.descriptor)

    def remove(self) -> None:
        """Release it and remove the file, which nobody needs any more."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
