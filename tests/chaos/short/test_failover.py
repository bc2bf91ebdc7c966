"""A failover that loses operations: the loss shows, per producer and number, once those producers speak again."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.chaos.faults.failover import Failover
from tests.chaos.ground.arena import Arena
from tests.chaos.history.standing_projection import StandingProjection
from tests.chaos.writers.way import ON_ONE_SERVER, Way


@pytest.mark.parametrize("way", ON_ONE_SERVER)
def test_what_only_the_old_master_acknowledged_is_missing(tmp_path: Path, way: Way) -> None:
    with Arena(tmp_path / "arena", "failover", producers=(way, way), projectors=2, pace=0.02) as arena:
        arena.wait_for_progress()
        Failover().strike(arena, Random("failover"))
        arena.wait_for_progress()
        arena.settle()
        assert arena.violations() == []
        assert arena.figures.left_behind > 0, "the old master has acknowledged nothing on its own"
        missing = StandingProjection(arena.client, arena.namespace).missing
        shown = {(by, number) for by, numbers in missing.items() for number in numbers}
        lost = {(attempt.by, attempt.seq) for attempt in arena.lost()}
        assert lost <= shown
