"""What waits in a directory of spools, file by file, without disturbing producers that use them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from producer.connection.server import Server
from producer.errors import SpoolUnusable
from producer.spool.directory import SpoolDirectory
from producer.spool.lock import Waiting
from producer.spool.rescue import DAMAGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """One file: whether a living process holds it, and what waits in it, or the trouble with it."""

    path: Path
    held: bool
    waiting: Waiting | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All files of a directory, the oldest first, and the damaged files that were put aside."""

    files: tuple[Surveyed, ...]
    damaged: tuple[Path, ...]

    @classmethod
    def of(cls, directory: SpoolDirectory) -> Survey:
        """Raises SpoolUnusable if the directory cannot be read."""
        found = []
        for path in directory.files():
            try:
                if directory.is_held(path):
                    found.append(Surveyed(path=path, held=True, waiting=Waiting.noted(path)))
                elif (queue := directory.adopt(path)) is not None:  # else it was taken, or delivered, just now
                    queue.close()
                    found.append(Surveyed(path=path, held=False, waiting=queue.state()))
            except SpoolUnusable as error:
                found.append(Surveyed(path=path, held=False, trouble=str(error)))
        return cls(files=tuple(found), damaged=tuple(sorted(directory.path.glob(f"*{DAMAGED}"))))

    @property
    def operations(self) -> int:
        return sum(file.waiting.operations for file in self.files if file.waiting is not None)

    @property
    def unusable(self) -> tuple[Surveyed, ...]:
        """The files with trouble."""
        return tuple(file for file in self.files if file.trouble is not None)

    @property
    def left_behind(self) -> Counter[tuple[Server, str]]:
        """By server and namespace, how many operations wait that no living process holds."""
        counts: Counter[tuple[Server, str]] = Counter()
        for file in self.files:
            if file.waiting is not None and file.waiting.operations and not file.held:
                counts[Server(file.waiting.server), file.waiting.namespace] += file.waiting.operations
        return counts
