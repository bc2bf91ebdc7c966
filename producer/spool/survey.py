"""What waits in a directory of spools, file by file, without disturbing those that are in use."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from producer.connection.server import Server
from producer.errors import SpoolUnusable
from producer.spool.directory import SpoolDirectory
from producer.spool.file import translated
from producer.spool.lock import LOCK, SpoolLock, Waiting
from producer.spool.rescue import DAMAGED

__all__ = ["Survey", "Surveyed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """One file: `held` by a process that lives, with what `waiting` in it, or the `trouble` with it."""

    path: Path
    held: bool
    waiting: Waiting | None
    trouble: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All files of a directory, the oldest first, and those that were put aside because they were damaged."""

    files: tuple[Surveyed, ...]
    damaged: tuple[Path, ...]

    @classmethod
    def of(cls, directory: SpoolDirectory) -> Survey:
        """Raises SpoolUnusable when the directory cannot be read."""
        found = [surveyed for path in directory.files() if (surveyed := _look(directory, path)) is not None]
        return cls(files=tuple(found), damaged=tuple(sorted(directory.path.glob(f"*{DAMAGED}"))))

    @property
    def operations(self) -> int:
        return sum(file.waiting.operations for file in self.files if file.waiting is not None)

    @property
    def unusable(self) -> tuple[Surveyed, ...]:
        """Those that nobody can tell what waits in."""
        return tuple(file for file in self.files if file.trouble is not None)

    @property
    def left_behind(self) -> Counter[tuple[Server, str]]:
        """How many operations wait, for which server and namespace, that no living process holds."""
        counts: Counter[tuple[Server, str]] = Counter()
        for file in self.files:
            if file.waiting is not None and file.waiting.operations and not file.held:
                counts[Server(file.waiting.server), file.waiting.namespace] += file.waiting.operations
        return counts


def _look(directory: SpoolDirectory, path: Path) -> Surveyed | None:
    lock = path.with_suffix(LOCK)
    try:
        with translated(path):
            is_held = SpoolLock.is_held(lock)
        if is_held:
            return Surveyed(path=path, held=True, waiting=Waiting.noted(lock), trouble=None)
        spool = directory.adopt(path)
    except SpoolUnusable as error:
        return Surveyed(path=path, held=False, waiting=None, trouble=str(error))
    if spool is None:  # taken, or delivered, just now
        return None
    waiting = spool.state()
    spool.close()
    return Surveyed(path=path, held=False, waiting=waiting, trouble=None)
