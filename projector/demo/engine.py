"""The demonstration's engine: worker processes that run actions on their own."""

from __future__ import annotations

from pathlib import Path

from projector.demo.book import Book, Tally
from projector.demo.process import Process
from projector.demo.scratch import Scratch
from projector.demo.worker import ROLES

__all__ = ["Engine"]


class Engine:
    """A worker process for each role, on a directory of the engine's own."""

    def __init__(self, directory: Path, *, url: str, namespace: str, seconds: float) -> None:
        self._directory = directory
        self._books = directory / "books"
        options = [str(directory), url, namespace, str(seconds)]
        self.workers = [
            Process(
                f"the {role} worker",
                ["-m", "projector.demo.worker", role, *options],
                log=directory / f"{role}.log",
            )
            for role in ROLES
        ]

    def start(self) -> None:
        self._books.mkdir(parents=True)
        Scratch(self._directory / "scratch").lay_out()
        for worker in self.workers:
            worker.start()

    @property
    def working(self) -> bool:
        """Whether a worker has not ended yet."""
        return any(worker.running for worker in self.workers)

    def tally(self) -> Tally:
        """What the workers have recorded so far."""
        return Book.tally(self._books)

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()
