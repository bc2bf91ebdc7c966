"""The figures of a run: what was broken how often, and what was checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Figures"]


@dataclass(slots=True)
class Figures:
    """Counted as it happens; `add` sums up rounds."""

    kills: Counter[str] = field(default_factory=Counter)
    """SIGKILLs, by what was killed."""
    faults: Counter[str] = field(default_factory=Counter)
    commits: int = 0
    transactions: int = 0
    """Begun for a commit, whether or not it came to that."""
    attempted: int = 0
    acknowledged: int = 0
    spooled: int = 0
    """Of these: their calls returned when they were in a spool."""
    replicated: int = 0
    """Of these: their calls returned when a replica had them, too."""
    counted: int = 0
    repeated: int = 0
    """Entries that came again under a number that had come, and were not counted."""
    left_behind: int = 0
    """Acknowledged operations that a failover or a vandal took: more than what they were acknowledged at survives."""
    unsynced: int = 0
    """Those that a kill of a server took that syncs every second."""
    missing: int = 0

    def add(self, other: Figures) -> None:
        self.kills += other.kills
        self.faults += other.faults
        self.commits += other.commits
        self.transactions += other.transactions
        self.attempted += other.attempted
        self.acknowledged += other.acknowledged
        self.spooled += other.spooled
        self.replicated += other.replicated
        self.counted += other.counted
        self.repeated += other.repeated
        self.left_behind += other.left_behind
        self.unsynced += other.unsynced
        self.missing += other.missing

    def report(self) -> str:
        faults = "\n".join(f"  {count:6}  {name}" for name, count in sorted(self.faults.items()))
        kills = ", ".join(f"{count} of a {what}" for what, count in sorted(self.kills.items()))
        return (
            f"faults injected: {self.faults.total()}\n{faults}\n"
            f"kills survived: {self.kills.total()} ({kills or 'none'})\n"
            f"commits: {self.commits}; transactions begun: {self.transactions}\n"
            f"operations checked: {self.attempted} attempted, {self.acknowledged} acknowledged "
            f"({self.spooled} of them by a spool, {self.replicated} by a replica), {self.counted} counted; "
            f"{self.repeated} came twice and counted once\n"
            f"acknowledged, and taken by what their durability does not cover: {self.left_behind} by failovers and "
            f"vandals, {self.unsynced} by kills of a server between two syncs; of all producers that spoke again "
            f"each is missing ({self.missing})\n"
        )
