"""The scanners of the demonstration: they find what the actions left behind, and really remove it."""

from __future__ import annotations

import time
from pathlib import Path

from projector.demo.shift import Job, Shift

_STALE_SECONDS = 1.0


def scan(shift: Shift) -> None:
    """One turn of all scanners, over what was left alone for a second."""
    for scanner, resource, pattern, action, remove in _RULES:
        for path in sorted(shift.directory.glob(pattern)):
            if path.exists() and path.lstat().st_mtime < time.time() - _STALE_SECONDS:
                error = None
                try:
                    remove(path)
                except OSError as trouble:
                    error = f"{type(trouble).__name__}: {trouble.strerror}"
                shift.producer.cleanup_executed(
                    scanner, f"{resource}:{path.name}", action, error is None, error=error
                )


def _archive(path: Path) -> None:
    path.rename(path.parents[1] / "archive" / path.name)


_RULES = (
    ("stale-locks", "lock", "locks/*", "release", Path.unlink),
    ("old-drafts", "draft", "drafts/*", "delete", Path.unlink),
    ("rotated-logs", "log", "logs/*.gz", "archive", _archive),
    ("stale-worktrees", "worktree", "worktrees/*", "delete", Path.rmdir),  # fails, because there are files in it
    ("stale-worktrees", "worktree", "worktrees/*", "archive", _archive),
)
SCANNER: tuple[Job, ...] = (scan,)
