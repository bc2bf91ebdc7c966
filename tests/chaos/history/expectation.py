"""What the projection of a log has to say, counted naively: sets, sums, whole lists. Nothing here is the fold's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.chaos.history.surviving_log import LogEntry

__all__ = ["Count", "Expectation"]


@dataclass(slots=True)
class Count:
    """Of one action or scanner."""

    total: int = 0
    successes: int = 0
    failures: int = 0
    durations: int = 0


@dataclass(slots=True)
class Numbers:
    """One producer's: every number that came, and those that were passed over without a claim that they had."""

    came: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    highest: int = 0

    def take(self, seq: int, acked: int) -> bool:
        """Whether `seq` is new."""
        if seq in self.came:
            return False
        self.missing.update(range(max(self.highest, acked) + 1, seq))
        self.missing.discard(seq)
        self.came.add(seq)
        self.highest = max(self.highest, seq)
        return True


class Expectation:
    """The expected projection. Lists hold entry ids, oldest first, unbounded."""

    def __init__(self, log: Iterable[LogEntry]) -> None:
        self.entries = 0
        self.lost = 0
        self.last_id = ""
        self.duplicates = 0
        self.quarantined: list[str] = []
        self.executions: list[str] = []
        self.failures: list[str] = []
        self.cleanups: list[str] = []
        self.cleanup_failures = 0
        self.executions_of: defaultdict[str, list[str]] = defaultdict(list)
        self.in_flight: dict[str, str] = {}
        self.actions: defaultdict[str, Count] = defaultdict(Count)
        self.scanners: defaultdict[str, Count] = defaultdict(Count)
        self.producers: defaultdict[str, Numbers] = defaultdict(Numbers)
        for entry in log:
            self._read(entry)

    @property
    def missing(self) -> int:
        return sum(len(numbers.missing) for numbers in self.producers.values())

    def _read(self, entry: LogEntry) -> None:
        self.entries += 1 + entry.lost
        self.lost += entry.lost
        self.last_id = entry.id
        if entry.by is not None and not self.producers[entry.by].take(entry.seq, entry.acked):
            self.duplicates += 1
        elif entry.lost or entry.seals:
            return
        elif entry.deed is None:
            self.quarantined.append(entry.id)
        elif entry.deed.kind == "started":
            self.in_flight[_run(entry)] = entry.id
        elif entry.deed.kind == "completed":
            self._complete(entry)
        else:
            self._clean(entry)

    def _complete(self, entry: LogEntry) -> None:
        deed = entry.deed
        assert deed is not None
        self.in_flight.pop(_run(entry), None)
        self.executions.append(entry.id)
        self.executions_of[deed.subject].append(entry.id)
        if not deed.success:
            self.failures.append(entry.id)
        _count(self.actions[deed.subject], success=deed.success, duration=deed.duration_ms)

    def _clean(self, entry: LogEntry) -> None:
        deed = entry.deed
        assert deed is not None
        self.cleanups.append(entry.id)
        self.cleanup_failures += not deed.success
        _count(self.scanners[deed.subject], success=deed.success, duration=0)


def _run(entry: LogEntry) -> str:
    assert entry.deed is not None
    return f"{entry.deed.subject}#{entry.deed.mark.rpartition('/')[0]}"


def _count(count: Count, *, success: bool, duration: int) -> None:
    count.total += 1
    count.successes += success
    count.failures += not success
    count.durations += duration
