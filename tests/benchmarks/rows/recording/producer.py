"""The producer: one operation, from the call to its acknowledgement, beside a bare XADD of the same bytes."""

from __future__ import annotations

from statistics import median

import redis

from producer import Producer
from tests.benchmarks.ground.calls import Call, bare_xadd_of, call_of, microseconds
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, site
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Row, at_most
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_BARE = "bare"
_BLOCK = 250
"""Operations of one kind in a row: so short that both see the same server and the same neighbours."""


def run(scale: Scale) -> list[Row]:
    """The durability that is the default: acknowledged by the server."""
    with site() as here:
        ours, theirs = in_own_process(_interleaved, here.url, scale.operations, scale.rounds)
    return [Row("producer", "direct", "redis-py's xadd", "µs", ours, theirs, at_most(1.25))]


def _interleaved(url: str, operations: int, rounds: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(ours, theirs): of each round the median microseconds of one operation, both in one process."""
    entries = list(ACTIONS_50.entries(operations))
    with Producer(url, NAMESPACE) as producer, redis.Redis.from_url(url) as client:
        mine = [call_of(producer, entry) for entry in entries]
        bare = [bare_xadd_of(client, entry, _BARE) for entry in entries]
        for send in [*mine[:_BLOCK], *bare[:_BLOCK]]:  # connections made, code warm
            send()
        figures = [_round(mine, bare) for _ in range(rounds)]
    return tuple(ours for ours, _ in figures), tuple(theirs for _, theirs in figures)


def _round(mine: list[Call], bare: list[Call]) -> tuple[float, float]:
    ours: list[float] = []
    theirs: list[float] = []
    for at in range(0, len(mine), _BLOCK):
        ours += [microseconds(send) for send in mine[at : at + _BLOCK]]
        theirs += [microseconds(send) for send in bare[at : at + _BLOCK]]
    return median(ours), median(theirs)
