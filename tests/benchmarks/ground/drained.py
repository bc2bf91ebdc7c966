"""What a drain of the log came to, and the drain by our projector."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter, process_time

import redis

from projector import Projector
from projector.shadow import rebuild
from tests.benchmarks.ground.process import peak_memory_kib

__all__ = ["Drained", "projector_drain", "projector_rebuild"]


@dataclass(frozen=True, slots=True)
class Drained:
    """`begun` and `ended` are of the clock that all processes share; `cpu` is the process's own, in seconds."""

    entries: int
    begun: float
    ended: float
    cpu: float
    peak_kib: int

    @property
    def seconds(self) -> float:
        return self.ended - self.begun

    @property
    def per_second(self) -> float:
        return self.entries / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of this process's CPU for one entry."""
        return self.cpu / self.entries * 1e6


def projector_drain(url: str, namespace: str) -> Drained:
    """Project the whole log: from the lease's acquisition to the last commit and the lease's release."""
    projector = Projector(url, namespace)
    begun, cpu = perf_counter(), process_time()
    entries = projector.drain()
    return Drained(entries, begun, perf_counter(), process_time() - cpu, peak_memory_kib())


def projector_rebuild(url: str, namespace: str, archive: str | None = None) -> Drained:
    """Rebuild the projection from its log, or from its archive and the log behind it, the swap included."""
    with redis.Redis.from_url(url, protocol=2) as client:
        begun, cpu = perf_counter(), process_time()
        entries = rebuild(client, namespace, archive=archive).entries
        return Drained(entries, begun, perf_counter(), process_time() - cpu, peak_memory_kib())
