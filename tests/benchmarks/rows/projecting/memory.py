"""What must not grow with the length of the log: the projector's memory, and the projection's once its bounds are
reached."""

from __future__ import annotations

from tests.benchmarks.ground.drained import projector_drain
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, site
from tests.benchmarks.ground.workload import ACTIONS_50, SETTLED, Workload
from tests.benchmarks.ratio import Row, Target, at_most
from tests.benchmarks.scale import Scale

__all__ = ["run"]


def run(scale: Scale) -> list[Row]:
    """One run each: bytes do not vary as times do. Long-tailed durations go on finding new buckets for a while,
    which is shown beside."""
    short, long = scale.history
    settled = [_measured(SETTLED, entries) for entries in (short, long)]
    tailed = [_measured(ACTIONS_50, entries) for entries in (short, long)]
    span = f"{short:,} → {long:,} entries"
    return [
        _row("projector's peak", span, "MiB", settled, 0, at_most(1.10)),
        _row("projection in Redis", span, "kB", settled, 1, at_most(1.02)),
        _row("projection, 50 actions, long-tailed", span, "kB", tailed, 1, None),
    ]


def _measured(workload: Workload, entries: int) -> tuple[float, float]:
    """(the projector's peak in MiB, the projection's kB) after so many entries."""
    with site() as here:
        here.fill(workload, entries)
        peak = in_own_process(projector_drain, here.url, NAMESPACE).peak_kib
        return peak / 1024, here.memory_of(here.projection_keys()) / 1000


def _row(case: str, span: str, unit: str, measured: list[tuple[float, float]], at: int, target: Target | None) -> Row:
    (short, long) = (figures[at] for figures in measured)
    return Row("memory", f"{case}, {span}", "itself", unit, (long,), (short,), target)
