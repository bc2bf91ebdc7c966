"""After faults of every kind each operation is in the log, counts once, and the lists are in the log's order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.faults.failover import Failover
from tests.chaos.faults.on_operators import KilledRebuild
from tests.chaos.faults.on_servers import FullDisk, KilledServer, RestartedServer
from tests.chaos.ground.arena import Arena
from tests.chaos.round import play_faults, strike_all
from tests.chaos.writers.way import ON_ONE_SERVER

PACE = 0.015
"""Slower than the long run's: a fault needs operations under way, not a busy machine."""
AT_PROCESSES = [fault for fault in FAULTS if fault.place in ("projectors", "producers")]
AT_THE_SERVER = [fault for fault in FAULTS if fault.place == "servers" and not isinstance(fault, Failover)]
ON_THE_WIRE = [fault for fault in FAULTS if fault.place == "the wire"]
AT_THE_DISK = [fault for fault in FAULTS if isinstance(fault, KilledServer | RestartedServer | FullDisk)]


@pytest.mark.parametrize(
    ("faults", "appendfsync", "archives"),
    [
        pytest.param(AT_PROCESSES, "everysec", True, id="at processes"),
        pytest.param(AT_THE_SERVER, "everysec", False, id="at the server"),
        pytest.param(AT_THE_DISK, "always", True, id="at a server that syncs always"),
        pytest.param(ON_THE_WIRE, "everysec", False, id="on the wire"),
    ],
)
def test_each_fault_one_after_the_other(
    tmp_path: Path, faults: list[Fault], appendfsync: str, archives: bool
) -> None:
    with Arena(tmp_path / "arena", "ordinary", pace=PACE, appendfsync=appendfsync, archives=archives) as arena:
        assert strike_all(arena, "ordinary", *faults) == []
        assert arena.figures.faults.total() == len(faults)
        assert arena.figures.transactions > 0


@pytest.mark.parametrize(("appendfsync", "archives"), [("always", False), ("everysec", True)])
def test_faults_at_all_places_at_once(tmp_path: Path, appendfsync: str, archives: bool) -> None:
    arena = Arena(
        tmp_path / "arena",
        "mixed",
        producers=ON_ONE_SERVER,
        projectors=2,
        pace=PACE,
        appendfsync=appendfsync,
        archives=archives,
    )
    outcome = play_faults(arena, "mixed", 4.0, FAULTS, print)
    assert outcome.violations == []
    assert outcome.figures.faults.total() > len({fault.place for fault in FAULTS})
    assert outcome.figures.counted > 500


def test_no_fault_is_left_out_of_the_ordinary_run() -> None:
    """Two have tests of their own: test_failover.py, test_rebuild.py."""
    here = {fault.name for fault in (*AT_PROCESSES, *AT_THE_SERVER, *ON_THE_WIRE)}
    assert here | {Failover.name, KilledRebuild.name} == {fault.name for fault in FAULTS}
