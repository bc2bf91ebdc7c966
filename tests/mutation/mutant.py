"""A mutant: the product without one of its guards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "NoLongerThere"]


class NoLongerThere(Exception):
    """The product has changed: the text that a mutant replaces is not there, or more than once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """In `file`, each text of `replacements` stands once, and is replaced; then one of `tests` has to fail."""

    guard: str
    file: str
    replacements: Mapping[str, str]
    tests: tuple[str, ...]

    def mutated(self, root: Path) -> str:
        """The file's text without the guard; raises NoLongerThere."""
        text = (root / self.file).read_text()
        for guarded, unguarded in self.replacements.items():
            if (found := text.count(guarded)) != 1:
                raise NoLongerThere(f"{self.guard}: in {self.file} expected once, found {found} times: {guarded!r}")
            text = text.replace(guarded, unguarded)
        return text
