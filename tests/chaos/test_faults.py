"""After faults of every kind each operation is in the log, counts once, and the lists are in the log's order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.arena import Arena
from tests.chaos.faults import FAULTS
from tests.chaos.round import play_faults, strike_all

SEED = "ordinary"


@pytest.mark.parametrize(
    ("place", "appendfsync"),
    [
        ("projectors", "everysec"),
        ("producers", "everysec"),
        ("servers", "everysec"),
        ("servers", "always"),
        ("the wire", "everysec"),
    ],
)
def test_each_fault_of_a_place_one_after_the_other(tmp_path: Path, place: str, appendfsync: str) -> None:
    faults = [fault for fault in FAULTS if fault.place == place]
    with Arena(tmp_path / "arena", SEED, appendfsync=appendfsync) as arena:
        assert strike_all(arena, SEED, *faults) == []
        assert arena.figures.faults.total() == len(faults)


@pytest.mark.parametrize("seed", ["mixed-1", "mixed-2"])
def test_faults_at_all_places_at_once(tmp_path: Path, seed: str) -> None:
    outcome = play_faults(tmp_path / "arena", seed, 8.0, FAULTS, print)
    assert outcome.violations == []
    assert outcome.figures.faults.total() > len({fault.place for fault in FAULTS})
    assert outcome.figures.counted > 500


def test_every_place_of_the_faults_is_struck_in_the_ordinary_run() -> None:
    assert {fault.place for fault in FAULTS} == {"projectors", "producers", "servers", "the wire"}
