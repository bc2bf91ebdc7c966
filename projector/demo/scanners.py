"""The scanners of the demonstration: they find what the actions left behind, and really remove it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from projector.demo.actions import Job, Shift

__all__ = ["SCANNER"]

_STALE_SECONDS = 1.0


def release_locks(shift: Shift) -> None:
    for path in _stale(shift.scratch.locks):
        _clean_up(shift, "stale-locks", f"lock:{path.stem}", "release", path.unlink)


def delete_drafts(shift: Shift) -> None:
    for path in _stale(shift.scratch.drafts):
        _clean_up(shift, "old-drafts", f"draft:{path.name}", "delete", path.unlink)


def archive_logs(shift: Shift) -> None:
    for path in _stale(shift.scratch.logs, "*.gz"):
        _archive(shift, "rotated-logs", f"log:{path.name}", path)


def remove_worktrees(shift: Shift) -> None:
    """Deletes no worktree with files in it: that fails, and it goes to the archive."""
    for path in _stale(shift.scratch.worktrees):
        if not _clean_up(shift, "stale-worktrees", f"worktree:{path.name}", "delete", path.rmdir):
            _archive(shift, "stale-worktrees", f"worktree:{path.name}", path)


def scan(shift: Shift) -> None:
    for scanner in (release_locks, delete_drafts, archive_logs, remove_worktrees):
        scanner(shift)


SCANNER: tuple[Job, ...] = (scan,)


def _stale(directory: Path, pattern: str = "*") -> Iterator[Path]:
    limit = time.time() - _STALE_SECONDS
    for path in sorted(directory.glob(pattern)):
        try:
            if path.lstat().st_mtime < limit:
                yield path
        except FileNotFoundError:
            pass  # its owner has removed it meanwhile


def _archive(shift: Shift, scanner: str, resource: str, path: Path) -> None:
    _clean_up(shift, scanner, resource, "archive", lambda: path.rename(shift.scratch.archive / path.name))


def _clean_up(shift: Shift, scanner: str, resource: str, action: str, remove: Callable[[], object]) -> bool:
    error = None
    try:
        remove()
    except OSError as trouble:
        error = f"{type(trouble).__name__}: {trouble.strerror}"
    shift.producer.cleanup_executed(scanner, resource, action, error is None, error=error)
    return error is None
