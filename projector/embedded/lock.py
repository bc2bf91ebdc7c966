"""The right to run a server on a directory."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from producer.file_lock import FileLock
from projector.embedded.errors import DirectoryInUse

_PAUSE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds the directory, and where its server listens (None while it starts)."""

    pid: int
    url: str | None


class DirectoryLock:
    """The lock on `<directory>/lock`.

    The server inherits the descriptor (`fileno()`), and so holds the lock too: the directory stays locked until the
    server has really ended, even if the process that started it was killed.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._lock: FileLock | None = None

    def acquire(self, *, patience: float = 5.0) -> None:
        """Take the lock; wait up to `patience` s for a server whose starter is dead. Raises DirectoryInUse."""
        deadline = time.monotonic() + patience
        while (lock := FileLock.take(self._path)) is None:
            holder = self._holder()
            if _alive(holder) or time.monotonic() > deadline:
                raise DirectoryInUse(_in_use(self._path.parent, holder))
            time.sleep(_PAUSE)
        self._lock = lock
        self.describe(url=None)

    def describe(self, *, url: str | None) -> None:
        """Write into the lock file that this process holds the lock, and its server listens at `url`."""
        assert self._lock is not None, "the lock is not held"
        self._lock.write(json.dumps(asdict(Holder(pid=os.getpid(), url=url))).encode())

    def fileno(self) -> int:
        assert self._lock is not None, "the lock is not held"
        return self._lock.descriptor

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _holder(self) -> Holder | None:
        try:
            match json.loads(self._path.read_bytes()):
                case {"pid": int(pid), "url": str() | None as url}:
                    return Holder(pid=pid, url=url)
        except (OSError, ValueError):
            pass  # the holder is writing it
        return None


def _alive(holder: Holder | None) -> bool:
    if holder is None:
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is alive, and another user's
    return True


def _in_use(directory: Path, holder: Holder | None) -> str:
    if holder is None:
        return f"{directory} is in use by another process; choose another directory with --data"
    if not _alive(holder):
        return f"{directory} is in use: the server that process {holder.pid} left behind is still ending; try again"
    where = f"and listens at {holder.url}" if holder.url else "and is still starting"
    return (
        f"{directory} is in use: process {holder.pid} runs a server on it {where}; "
        "use that one, or choose another directory with --data"
    )
