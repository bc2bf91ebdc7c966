"""The right to run a server on a directory: the lock on `<directory>/lock`, in which its holder says who it is.

The server inherits the lock's descriptor, and so holds the lock too: the directory stays locked until the server has
really ended, even if the process that started it was killed.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from producer.file_lock import FileLock
from projector.embedded.errors import DirectoryInUse

_PATIENCE_SECONDS = 5.0
_PAUSE = 0.05


def lock_directory(directory: Path) -> FileLock:
    """The lock; waits for a while for a server whose starter is dead. Raises DirectoryInUse."""
    path = directory / "lock"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (lock := FileLock.take(path)) is None:
        pid, url = _holder(path)
        if _alive(pid) or time.monotonic() > deadline:
            raise DirectoryInUse(f"{directory} is in use{_use(pid, url)}")
        time.sleep(_PAUSE)
    return lock


def describe(lock: FileLock, *, url: str | None) -> None:
    """Write into the lock's file that this process holds it, and where its server listens (None while it starts)."""
    lock.write(json.dumps({"pid": os.getpid(), "url": url}).encode())


def _holder(path: Path) -> tuple[int | None, str | None]:
    """(pid, url) of the holder; its pid is None while it writes them."""
    try:
        match json.loads(path.read_bytes()):
            case {"pid": int(pid), "url": str() | None as url}:
                return pid, url
    except (OSError, ValueError):
        pass
    return None, None


def _alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is alive, and another user's
    return True


def _use(pid: int | None, url: str | None) -> str:
    if pid is None:
        return " by another process; choose another directory with --data"
    if not _alive(pid):
        return f": the server that process {pid} left behind is still ending; try again"
    where = f"and listens at {url}" if url else "and is still starting"
    return f": process {pid} runs a server on it {where}; use that one, or choose another directory with --data"
