"""The projection: entries per second folded and committed by one projector, beside readers that do less."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.ground.baselines import bare_drain, tutorial_consumer
from tests.benchmarks.ground.drained import Drained, projector_drain
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.workload import ACTIONS_50, ACTIONS_5000, FULL_BOUNDS, WORKLOADS, Workload
from tests.benchmarks.ratio import Rounds, Row, at_least
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_UNIT = "entries/s"
_OURS, _BARE, _NOACK, _TUTORIAL = "ours", "bare drain", "bare drain, NOACK", "tutorial's consumer"
_SO_FAR = {ACTIONS_5000.name: 0.38, FULL_BOUNDS.name: 0.36}
"""Of the bare drain, where the target is not reached. docs/performance.md has what holds each back."""


def run(scale: Scale) -> list[Row]:
    """Each workload beside both bare drains; the first one beside the tutorial's consumer, too."""
    rows: list[Row] = []
    for workload in WORKLOADS:
        with site() as here:
            here.fill(workload, scale.entries)
            rows += _of_workload(here, workload, scale)
    return rows


def _of_workload(here: Site, workload: Workload, scale: Scale) -> list[Row]:
    drains: list[Drained] = []

    def ours() -> float:
        here.forget_projection()
        drains.append(in_own_process(projector_drain, here.url, NAMESPACE))
        return _rate(drains[-1], scale.entries)

    rounds = Rounds(scale.rounds)
    rounds.measure(_OURS, ours)
    rounds.measure(_BARE, lambda: _rate(in_own_process(bare_drain, here.url, NAMESPACE), scale.entries))
    rounds.measure(_NOACK, lambda: _rate(in_own_process(bare_drain, here.url, NAMESPACE, noack=True), scale.entries))
    if workload is ACTIONS_50:
        few = scale.tutorial_entries
        rounds.measure(_TUTORIAL, lambda: _rate(in_own_process(tutorial_consumer, here.url, NAMESPACE, few), few))
    figures = rounds.run()
    mine = figures.pop(_OURS)
    note = f"our client's CPU: {median(drain.cpu_us for drain in drains):.1f} µs an entry"
    targets = {
        _BARE: at_least(0.50 if workload is FULL_BOUNDS else 0.60, so_far=_SO_FAR.get(workload.name)),
        _TUTORIAL: at_least(15),
        _NOACK: None,
    }
    return [
        Row("projection", workload.name, baseline, _UNIT, mine, theirs, targets[baseline], note=note)
        for baseline, theirs in figures.items()
    ]


def _rate(drained: Drained, expected: int) -> float:
    """Entries per second, of a drain that must have been whole."""
    if drained.entries != expected:
        raise RuntimeError(f"expected {expected} entries drained, found {drained.entries}")
    return drained.per_second
