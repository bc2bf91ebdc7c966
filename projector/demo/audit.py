"""The audit: the workers' books beside the projection, to prove that no operation was lost or doubled."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass
from pathlib import Path

from projector.query import Status, Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many operations of each kind the workers have recorded. A book has the name of a field in each line."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The operations that the workers `recorded`, and the projection's `totals` and `status` of the same moment."""

    recorded: Tally
    totals: Totals
    status: Status

    @property
    def projected(self) -> int:
        """How many operations were folded: an operation that arrived twice counts once, a quarantined one not."""
        return self.status.entries - self.status.duplicates - self.status.quarantined

    def disagreements(self) -> list[str]:
        """One line for each figure that is wrong."""
        recorded, totals, status = self.recorded, self.totals, self.status
        figures = [
            ("operations", recorded.operations, self.projected),
            ("executions", recorded.successes + recorded.failures, totals.total_executions),
            ("executions that failed", recorded.failures, totals.failures),
            ("cleanups", recorded.cleanups + recorded.cleanup_failures, totals.cleanups),
            ("cleanups that failed", recorded.cleanup_failures, totals.cleanup_failures),
            ("operations missing", 0, status.missing),
            ("operations quarantined", 0, status.quarantined),
            ("executions still in flight", 0, status.in_flight),
        ]
        return [f"{what}: expected {ours}, found {theirs}" for what, ours, theirs in figures if ours != theirs]

    def verdict(self) -> str:
        """The last line of a demonstration whose figures agree."""
        resent = f" ({self.status.duplicates} arrived twice)" if self.status.duplicates else ""
        return (
            f"{self.recorded.operations} operations recorded, {self.projected} projected, "
            f"none missing, none double{resent}."
        )
