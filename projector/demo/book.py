"""The workers' books: what each worker recorded, written down without Redis, for the audit."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from producer import Execution, Producer, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many operations of each kind the server has acknowledged."""

    started: int = 0
    successes: int = 0
    failures: int = 0
    cleanups: int = 0
    cleanup_failures: int = 0

    @classmethod
    def of(cls, books: Path) -> Tally:
        """The sum of all books in the directory `books`."""
        return cls(**Counter(word for path in books.iterdir() for word in path.read_text().splitlines()))

    @property
    def operations(self) -> int:
        return sum(astuple(self))


class BookedProducer(Producer):
    """A Producer that adds a line to the file `book` once the server has acknowledged an operation."""

    def __init__(self, url: str, namespace: str, *, book: Path) -> None:
        super().__init__(url, namespace)
        self._book = book

    def note(self, kind: str) -> None:
        """Add a line; `kind` is a field of Tally."""
        with self._book.open("a") as book:
            book.write(f"{kind}\n")

    def begin(self, run: Execution) -> Receipt:
        receipt = super().begin(run)
        self.note("started")
        return receipt

    def action_execution_completed(self, action_id: str, success: bool, **options: Any) -> Receipt:
        receipt = super().action_execution_completed(action_id, success, **options)
        self.note("successes" if success else "failures")
        return receipt

    def cleanup_executed(
        self, scanner_id: str, resource_id: str, action: str, success: bool, **options: Any
    ) -> Receipt:
        receipt = super().cleanup_executed(scanner_id, resource_id, action, success, **options)
        self.note("cleanups" if success else "cleanup_failures")
        return receipt
