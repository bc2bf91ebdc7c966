"""A cluster whose master of the namespace dies, is cut off, or gives the slot away, while everybody is at work."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.faults.in_a_cluster import CutOffMaster, KilledMaster
from tests.chaos.faults.on_the_slot import AtomicMigration, Resharding
from tests.chaos.ground.cluster_arena import ClusterArena
from tests.chaos.round import strike_all
from tests.chaos.writers.way import ON_A_CLUSTER

FAULTS = (Resharding(), AtomicMigration(), KilledMaster(), CutOffMaster())


def test_after_failovers_and_moves_of_the_slot_all_but_what_a_lost_master_alone_had_counts_once(
    tmp_path: Path,
) -> None:
    """What a replica has acknowledged is among it, whatever happened: only the other ways may lose something."""
    with ClusterArena(tmp_path / "arena", "cluster", producers=ON_A_CLUSTER, pace=0.02) as arena:
        assert strike_all(arena, "cluster", *FAULTS) == []
        assert arena.figures.left_behind > 0, "the master that was cut off has acknowledged nothing on its own"
        assert arena.figures.missing >= arena.figures.left_behind
        assert arena.figures.replicated > 0
