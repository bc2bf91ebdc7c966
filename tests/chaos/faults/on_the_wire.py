"""What happens between clients and server: connections cut, replies truncated, requests late or held for long."""

from __future__ import annotations

import time
from random import Random
from typing import ClassVar

from tests.chaos.faults.fault import Fault
from tests.chaos.ground.arena import Arena
from tests.support.proxy import Fault as Harm

__all__ = ["CutConnections", "CutReplies", "CutRequests", "DelayedRequests", "StalledWire", "TruncatedReplies"]

_RATE = 0.03


class _Disturbance(Fault):
    """For a while each request suffers `harm` with a small probability."""

    place = "the wire"
    harm: ClassVar[Harm]

    def strike(self, arena: Arena, random: Random) -> None:
        seconds = random.uniform(0.3, 1.5)
        arena.wire.disturb(Random(random.getrandbits(32)), {self.harm: _RATE})
        time.sleep(seconds)
        arena.wire.calm()


class CutRequests(_Disturbance):
    """The server never sees the request."""

    name = "connections cut before the request"
    harm = Harm.CUT_REQUEST


class CutReplies(_Disturbance):
    """The server has done it, and nobody is told."""

    name = "connections cut between request and reply"
    harm = Harm.CUT_REPLY


class TruncatedReplies(_Disturbance):
    """One byte of the reply arrives."""

    name = "truncated replies"
    harm = Harm.TRUNCATE_REPLY


class CutConnections(Fault):
    """All connections cut at once, a few times."""

    name = "all connections cut"
    place = "the wire"

    def strike(self, arena: Arena, random: Random) -> None:
        for _ in range(random.randint(1, 5)):
            arena.wire.cut()
            time.sleep(random.uniform(0, 0.2))


class DelayedRequests(Fault):
    """Each request is late."""

    name = "delayed requests"
    place = "the wire"

    def strike(self, arena: Arena, random: Random) -> None:
        arena.wire.delay(random.uniform(0.01, 0.15))
        time.sleep(random.uniform(0.3, 1.5))
        arena.wire.calm()


class StalledWire(Fault):
    """Requests are held for longer than a producer waits and than the lease lasts; then all of them arrive, late."""

    name = "stalled wire"
    place = "the wire"

    def strike(self, arena: Arena, random: Random) -> None:
        arena.wire.stall()
        time.sleep(random.uniform(0.6, 1.5))
        arena.wire.calm()
