"""What the workers recorded, in books of their own: the other side of the audit."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from producer import Execution, Producer, Receipt

__all__ = ["Book", "BookedProducer", "Tally"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The operations that were acknowledged, as the books have them."""

    started: int = 0
    successes: int = 0
    failures: int = 0
    cleanups: int = 0
    cleanup_failures: int = 0

    @property
    def operations(self) -> int:
        return self.started + self.successes + self.failures + self.cleanups + self.cleanup_failures


class Book:
    """One worker's file, a word a line. It knows nothing of Redis: what stands here was acknowledged, no more."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def started(self) -> None:
        self._note("started")

    def completed(self, success: bool) -> None:
        self._note("successes" if success else "failures")

    def cleanup(self, success: bool) -> None:
        self._note("cleanups" if success else "cleanup_failures")

    def _note(self, word: str) -> None:
        os.write(self._descriptor, f"{word}\n".encode())

    @staticmethod
    def tally(books: Path) -> Tally:
        """The sum of all books in a directory."""
        words = Counter(word for path in books.iterdir() for word in path.read_text().splitlines())
        return Tally(**words)


class BookedProducer(Producer):
    """A Producer that notes each operation in the worker's book once the server has acknowledged it."""

    def __init__(self, url: str, namespace: str, *, book: Book) -> None:
        super().__init__(url, namespace)
        self._book = book

    def action_execution_started(self, *arguments: Any, **options: Any) -> Receipt:
        receipt = super().action_execution_started(*arguments, **options)
        self._book.started()
        return receipt

    def begin(self, run: Execution) -> Receipt:
        receipt = super().begin(run)
        self._book.started()
        return receipt

    def action_execution_completed(self, action_id: str, success: bool, **options: Any) -> Receipt:
        receipt = super().action_execution_completed(action_id, success, **options)
        self._book.completed(success)
        return receipt

    def cleanup_executed(
        self, scanner_id: str, resource_id: str, action: str, success: bool, **options: Any
    ) -> Receipt:
        receipt = super().cleanup_executed(scanner_id, resource_id, action, success, **options)
        self._book.cleanup(success)
        return receipt
