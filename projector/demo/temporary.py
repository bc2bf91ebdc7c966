"""A temporary directory whose removal waits for the last writers in it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE_SECONDS = 5.0


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A fresh directory, removed at the end of the `with` block."""
    path = Path(tempfile.mkdtemp(prefix="execution-wal-demo-"))
    try:
        yield path
    finally:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        # A command may go on writing for a moment after its worker has ended.
        while path.exists() and time.monotonic() < deadline:
            shutil.rmtree(path, ignore_errors=True)
