"""What happens to projectors and producers: killed, frozen, started and stopped."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from random import Random

from tests.chaos.faults.fault import Fault
from tests.chaos.ground.arena import Arena

__all__ = [
    "CrowdOfProjectors",
    "FrozenProjector",
    "KilledArchiver",
    "KilledProducer",
    "KilledProjector",
    "StoppedProjector",
]


class KilledProjector(Fault):
    """`kill -9` of the active projector at a random point; another is started."""

    name = "kill -9 of the active projector"
    place = "projectors"

    def strike(self, arena: Arena, random: Random) -> None:
        arena.projectors.start()
        victim = arena.projectors.wait_for_active()
        time.sleep(random.uniform(0, 0.2))
        arena.projectors.end(victim, signal.SIGKILL)
        arena.figures.kills["projector"] += 1


class KilledArchiver(Fault):
    """`kill -9` of the archiver alone, if the arena archives: its projector goes on, and starts another."""

    name = "kill -9 of the archiver"
    place = "projectors"

    def strike(self, arena: Arena, random: Random) -> None:
        if not arena.archive:
            return
        if not arena.projectors.running:
            arena.projectors.start()
        time.sleep(random.uniform(0, 1.0))
        pid = arena.projectors.wait_for_active().archiver()
        if pid is not None:  # there is none while a session begins or ends
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                arena.figures.kills["projector's archiver"] += 1


class StoppedProjector(Fault):
    """SIGTERM to the active projector: it commits, frees the lease and ends with status 0; another is started."""

    name = "stop of the active projector"
    place = "projectors"

    def strike(self, arena: Arena, random: Random) -> None:
        arena.projectors.start()
        victim = arena.projectors.wait_for_active()
        time.sleep(random.uniform(0, 0.2))
        arena.projectors.end(victim, signal.SIGTERM)


class FrozenProjector(Fault):
    """SIGSTOP of the active projector for longer than its lease, then SIGCONT: a zombie with a batch in hand."""

    name = "freeze of the active projector beyond its lease"
    place = "projectors"

    def strike(self, arena: Arena, random: Random) -> None:
        if len(arena.projectors.running) < 2:
            arena.projectors.start()
        zombie = arena.projectors.wait_for_active()
        time.sleep(random.uniform(0, 0.1))
        zombie.send(signal.SIGSTOP)
        try:
            arena.projectors.wait_for_active(other_than=zombie)
            time.sleep(random.uniform(0, 0.3))
        finally:
            zombie.send(signal.SIGCONT)


class CrowdOfProjectors(Fault):
    """Two, three or five projectors that start and stop at random."""

    name = "crowd of projectors starting and stopping"
    place = "projectors"

    def strike(self, arena: Arena, random: Random) -> None:
        projectors = arena.projectors
        size = random.choice([2, 3, 5])
        projectors.start(max(0, size - len(projectors.running)))
        for _ in range(size):
            time.sleep(random.uniform(0, 0.2))
            how = random.choice([signal.SIGKILL, signal.SIGTERM])
            projectors.end_any(random, how)
            arena.figures.kills["projector"] += how is signal.SIGKILL
            projectors.start()
        projectors.wait_for_active()
        while len(projectors.running) > 2:
            projectors.end_any(random, signal.SIGTERM)


class KilledProducer(Fault):
    """`kill -9` of a producer between two of its calls or within one; another takes its place."""

    name = "kill -9 of a producer"
    place = "producers"

    def strike(self, arena: Arena, random: Random) -> None:
        time.sleep(random.uniform(0, 2.0))
        arena.producers.kill_one(random)
        arena.figures.kills["producer"] += 1
        arena.producers.wait_until_all_write()
