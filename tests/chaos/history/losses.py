"""What a fault was allowed to take: acknowledged operations, beyond the durability they were acknowledged at."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.chaos.history.surviving_log import LogEntry
from tests.chaos.writers.journal import Attempt

__all__ = ["Losses"]

EVERYSEC_SECONDS = 3.0
"""While the server's thread syncs its log to disk under `everysec`, what it acknowledges waits in its own memory for
up to two seconds: a kill takes that along. One more for the time between a reply and its line in the journal."""


@dataclass(slots=True)
class Losses:
    """Collected over a run by the faults that take something; empty means: nothing acknowledged may be gone."""

    taken: set[tuple[str, int]] = field(default_factory=set)
    set_back: bool = False
    """Whether a server may have lost what it had acknowledged: then the archive may be ahead of it."""
    _moments: list[tuple[float, float]] = field(default_factory=list)

    def take(self, entries: list[LogEntry]) -> None:
        """These entries are gone: deleted, or only in the copy of a master that was left behind."""
        self.taken.update(entry.identity for entry in entries)

    def server_killed(self, at: float) -> None:
        """A server that syncs every second was killed at `at`, on the monotonic clock."""
        self.set_back = True
        self._moments.append((at - EVERYSEC_SECONDS, at + 1.0))

    def left_behind(self, attempt: Attempt) -> bool:
        """Whether a fault took it, and was allowed to: what a replica has acknowledged, no failover to it takes."""
        return not attempt.replicated and (attempt.by or "", attempt.seq) in self.taken

    def excuse(self, attempt: Attempt, acknowledged_by: float | None = None) -> bool:
        """Whether this promised attempt may be gone from the log.

        Of one that left a spool nobody knows just when it was acknowledged: not later than `acknowledged_by`, on the
        monotonic clock.
        """
        if self.left_behind(attempt):
            return True
        if attempt.synced or attempt.returned_at is None:
            return False
        earliest = attempt.returned_at
        latest = earliest if acknowledged_by is None else acknowledged_by
        return any(since <= latest and earliest <= until for since, until in self._moments)
