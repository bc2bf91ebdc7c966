"""What an operator does at a bad moment: a rebuild of a projection that is being written, killed, and done again."""

from __future__ import annotations

import time
from random import Random

from tests.chaos.faults.fault import Fault
from tests.chaos.ground.arena import Arena
from tests.chaos.ground.operator_commands import Answer, begin_rebuild
from tests.chaos.ground.waiting import until

__all__ = ["KilledRebuild"]

_LONGEST = 1.2
"""Seconds until the kill: from within the imports of `projector rebuild` to well after its end."""


class KilledRebuild(Fault):
    """`kill -9` of `projector rebuild` at a random point; the next goes on or begins anew, and gets to its end."""

    name = "kill -9 of a rebuild"
    place = "operators"

    def strike(self, arena: Arena, random: Random) -> None:
        time.sleep(random.uniform(0, 1.0))
        process = begin_rebuild(arena.url, arena.namespace, arena.archive)
        time.sleep(random.uniform(0.2, _LONGEST))
        process.kill()
        process.wait(30)
        arena.figures.kills["rebuild"] += 1
        answers: list[Answer] = []

        def is_rebuilt() -> bool:
            answers.append(arena.rebuild())
            return answers[-1].status == 0

        until(is_rebuilt, lambda: f"a rebuild; the last answer was {answers[-1]}")
