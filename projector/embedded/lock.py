"""The right to run a server on a directory: the lock on `<directory>/lock`, in which its holder writes its pid.

The server inherits the lock's descriptor, and so holds the lock too: the directory stays locked until the server has
really ended, even if the process that started it was killed.
"""

import os
import time
from pathlib import Path

from producer.file_lock import FileLock
from projector.errors import ProjectorError

_PATIENCE_SECONDS = 5.0
_PAUSE = 0.05


def lock_directory(directory: Path) -> FileLock:
    """The lock; waits for a while for a server whose starter is dead. Raises ProjectorError, and OSError."""
    path = directory / "lock"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (lock := FileLock.take(path)) is None:
        pid = path.read_text()  # empty until its holder has written it
        if pid and _alive(int(pid)):
            raise ProjectorError(
                f"{directory} is in use: process {pid} runs a server on it; "
                "use that one, which the other commands find, or choose another directory with --data"
            )
        if time.monotonic() > deadline:
            raise ProjectorError(
                f"{directory} is in use: the server that process {pid} left behind is still ending; try again"
            )
        time.sleep(_PAUSE)
    lock.write(str(os.getpid()).encode())
    return lock


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is alive, and another user's
    return True
