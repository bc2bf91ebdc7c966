"""Interference: what a producer feels of a backlog being drained, by ours and by the bare drain."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.ground.baselines import bare_drain
from tests.benchmarks.ground.companions import producing
from tests.benchmarks.ground.drained import Drained, projector_drain
from tests.benchmarks.ground.process import Companion, in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Rounds, Row, at_most, percentile
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_PER_SECOND = 1000


def run(scale: Scale) -> list[Row]:
    """The producer appends to the very log that is drained; its calls before and after the drain do not count."""
    with site() as here:
        here.fill(ACTIONS_50, scale.backlog)
        rounds = Rounds(scale.backlog_rounds)
        rounds.measure("ours", lambda: _p99(here, projector_drain))
        rounds.measure("theirs", lambda: _p99(here, bare_drain))
        figures = rounds.run()
    case = f"XADD's p99, backlog of {scale.backlog:,}"
    return [Row("interference", case, "bare drain", "ms", figures["ours"], figures["theirs"], at_most(3))]


def _p99(here: Site, drain: Callable[[str, str], Drained]) -> float:
    """Milliseconds that all but one call in a hundred took at most."""
    here.forget_projection()
    with Companion(producing, here.url, _PER_SECOND) as producer:
        drained = in_own_process(drain, here.url, NAMESPACE)
    calls = [took * 1e3 for sent, took in producer.result if drained.begun <= sent <= drained.ended]
    return percentile(calls, 0.99)
