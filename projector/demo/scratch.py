"""The directory that the demonstration's workers work in."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Scratch"]

_WORDS = (
    "otter",
    "river",
    "holt",
    "kelp",
    "whisker",
    "current",
    "stone",
    "willow",
    "ripple",
    "shell",
    "tide",
    "raft",
)
_DOCUMENTS = 24


@dataclass(frozen=True, slots=True)
class Scratch:
    """Documents to back up and to check, and what the work leaves behind: logs, locks, drafts, worktrees."""

    root: Path

    @property
    def documents(self) -> Path:
        return self.root / "documents"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def drafts(self) -> Path:
        return self.root / "drafts"

    @property
    def worktrees(self) -> Path:
        return self.root / "worktrees"

    def lay_out(self) -> None:
        """Make the directories and write the documents."""
        for directory in (
            self.documents,
            self.backups,
            self.logs,
            self.archive,
            self.locks,
            self.drafts,
            self.worktrees,
        ):
            directory.mkdir(parents=True)
        chance = random.Random(0)
        for number in range(_DOCUMENTS):
            (self.documents / f"{number:02}.txt").write_text(text(chance, chance.randrange(2_000, 20_000)))


def text(chance: random.Random, words: int) -> str:
    """So many words that compress about as well as a language does."""
    return " ".join(chance.choices(_WORDS, k=words)) + "\n"
