"""Producers with spools that are killed: what waits in a spool is sent for its dead owner, each operation once."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.chaos.ground.arena import Arena
from tests.chaos.ground.waiting import until
from tests.chaos.history.surviving_log import read_log
from tests.chaos.writers.way import Way

KILLS = 4


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "away"])
def test_writers_that_are_killed_lose_nothing_whether_or_not_the_server_is_there(
    tmp_path: Path, is_there: bool
) -> None:
    """With `always` no fault here may take anything: each call that returned is in the log, under its own number."""
    ways = (Way.SPOOLED, Way.SYNCED)
    with Arena(tmp_path / "arena", "spools", producers=ways, pace=0.001, appendfsync="always") as arena:
        arena.wait_for_progress()
        if not is_there:
            arena.server.stop()
        for number in range(KILLS):
            record_more(arena)
            arena.producers.kill_one(Random(f"spools {number}"))
            arena.producers.wait_until_all_write()
        if not is_there:
            arena.server.start()
        arena.wait_for_progress()
        arena.settle()
        assert arena.violations() == []
        assert arena.lost() == []
        senders = {entry.by for entry in read_log(arena.client, arena.key("wal"))}
        assert {attempt.by for attempt in arena.producers.attempts() if attempt.is_promised} <= senders
        assert len(senders) > len(ways)


def record_more(arena: Arena) -> None:
    """Until 200 more calls have returned."""
    before = arena.producers.returned()
    until(lambda: arena.producers.returned() >= before + 200, lambda: "200 more calls that return")
