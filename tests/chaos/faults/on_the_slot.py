"""The namespace's slot moves to another master under load: key by key, and at once where the server can do that."""

from __future__ import annotations

import time
from contextlib import closing
from random import Random

from redis.exceptions import ResponseError

from tests.chaos.faults.in_a_cluster import SlotFault
from tests.chaos.ground.cluster_arena import ClusterArena
from tests.chaos.ground.waiting import until
from tests.support.cluster import SlotMove
from tests.support.servers import Server

__all__ = ["AtomicMigration", "Resharding"]

_LONGEST_START = 0.5
"""Seconds for which the slot is on its way and all keys are where they were: scripts could still run."""
_LONGEST_PAUSE = 0.05


class Resharding(SlotFault):
    """CLUSTER SETSLOT and MIGRATE, as every tool does it: meanwhile the namespace's keys are at two nodes."""

    name = "resharding of the slot, key by key"

    def befall(self, arena: ClusterArena, master: Server, random: Random) -> None:
        target = random.choice(arena.nodes.other_masters())
        with SlotMove(arena.nodes.slot, master, target) as move:
            time.sleep(random.uniform(0, _LONGEST_START))
            while keys := move.left():
                random.shuffle(keys)
                move.move(*keys[: random.choice([1, 3, 10])])
                time.sleep(random.uniform(0, _LONGEST_PAUSE))
            move.finish()
        until(lambda: arena.nodes.home() is target, lambda: "a slot that has moved")


class AtomicMigration(SlotFault):
    """CLUSTER MIGRATESLOTS of Valkey 9. A server that has no such command moves nothing, and it is not counted."""

    name = "atomic migration of the slot"

    def befall(self, arena: ClusterArena, master: Server, random: Random) -> None:
        nodes, target = arena.nodes, random.choice(arena.nodes.other_masters())
        slot = ("SLOTSRANGE", nodes.slot, nodes.slot)
        with closing(master.client()) as client:
            try:
                client.execute_command("CLUSTER", "MIGRATESLOTS", *slot, "NODE", nodes.name_of(target))
            except ResponseError as error:
                if "unknown subcommand" not in str(error).lower():
                    raise
                arena.figures.faults[self.name] -= 1  # whoever strikes adds it
                return
            until(
                lambda: nodes.home() is target,
                lambda: f"a slot that has moved: {client.execute_command('CLUSTER', 'GETSLOTMIGRATIONS')}",
            )
