"""A directory that is gone afterwards, with all that was written into it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["temporary_directory"]

_PATIENCE_SECONDS = 5.0


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A fresh directory of our own, removed at the end."""
    path = Path(tempfile.mkdtemp(prefix="execution-wal-demo-"))
    try:
        yield path
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    # A command whose worker was ended early may write for a moment longer, while we remove.
    while path.exists() and time.monotonic() < deadline:
        shutil.rmtree(path, ignore_errors=True)
