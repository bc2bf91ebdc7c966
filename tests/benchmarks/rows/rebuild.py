"""The rebuild: entries per second folded into a shadow and swapped in, beside the bare drain."""

from __future__ import annotations

from tests.benchmarks.ground.baselines import bare_drain
from tests.benchmarks.ground.drained import projector_drain, projector_rebuild
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.scale import Scale
from tests.benchmarks.ground.site import NAMESPACE, site
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Rounds, Row, at_least

__all__ = ["run"]


def run(scale: Scale) -> list[Row]:
    """Over a projection that is there, as an operator does it."""
    with site() as here:
        here.fill(ACTIONS_50, scale.entries)
        in_own_process(projector_drain, here.url, NAMESPACE)
        rounds = Rounds(scale.rounds)
        rounds.measure("ours", lambda: in_own_process(projector_rebuild, here.url, NAMESPACE).per_second)
        rounds.measure("bare drain", lambda: in_own_process(bare_drain, here.url, NAMESPACE).per_second)
        figures = rounds.run()
    theirs = figures["bare drain"]
    return [
        Row(
            "rebuild",
            ACTIONS_50.name,
            "bare drain",
            "entries/s",
            figures["ours"],
            theirs,
            at_least(0.60),
        )
    ]
