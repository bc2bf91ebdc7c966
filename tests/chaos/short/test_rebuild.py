"""A rebuild that is killed: the projection is as before or as after, and the next rebuild leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.chaos.faults.on_operators import KilledRebuild
from tests.chaos.ground.arena import Arena


def test_rebuilds_that_are_killed_leave_the_right_history_and_no_keys(tmp_path: Path) -> None:
    with Arena(tmp_path / "arena", "rebuild") as arena:
        arena.wait_for_progress()
        for number in range(2):
            KilledRebuild().strike(arena, Random(f"rebuild {number}"))
            arena.wait_for_progress()
        arena.settle()
        assert arena.violations() == []
        assert list(arena.client.scan_iter(match=arena.key("rebuild:*"))) == []
