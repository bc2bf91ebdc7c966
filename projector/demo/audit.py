"""The workers' books against the projection: the demonstration's proof that nothing was lost or doubled."""

from __future__ import annotations

from dataclasses import dataclass

from projector.demo.book import Tally
from projector.query import Status, Totals

__all__ = ["Audit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was recorded, and what the projection says of it."""

    recorded: Tally
    totals: Totals
    status: Status

    @property
    def projected(self) -> int:
        """Operations folded: what arrived twice counted once, as it should, and nothing was put aside."""
        return self.status.entries - self.status.duplicates - self.status.quarantined

    def disagreements(self) -> list[str]:
        """One line for each figure that is not what it must be; none when all is well."""
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
        """The line for a person, when all is well."""
        resent = f" ({self.status.duplicates} arrived twice)" if self.status.duplicates else ""
        return (
            f"{self.recorded.operations} operations recorded, {self.projected} projected, "
            f"none missing, none double{resent}."
        )
