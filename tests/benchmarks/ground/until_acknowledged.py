"""A producer with a queue, from the first call until all is acknowledged, beside redis-py's pipeline."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import redis

from producer import Producer
from producer.wal import wal_key
from tests.benchmarks.ground.baselines import pipelined_xadd, sendable
from tests.benchmarks.ground.calls import call_of
from tests.benchmarks.ground.site import NAMESPACE
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Rounds

__all__ = ["PIPELINE", "until_acknowledged"]

PIPELINE = "redis-py's pipelined XADD, in hundreds"
"""What it is beside, as the reports call it."""
_PATIENCE = 60.0
_WARM = 1000
_OURS, _BARE = "ours", "bare"


def until_acknowledged(
    url: str, operations: int, rounds: int, options: dict[str, Any]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(ours, theirs): of each round the operations per second, both from one thread of one process.

    `options` say by which queue ours go. Both write the same fields to a log that is begun anew.
    """
    entries = list(ACTIONS_50.entries(operations))
    with Producer(url, NAMESPACE, **options) as producer, redis.Redis.from_url(url) as client:
        key = wal_key(NAMESPACE)
        mine = [call_of(producer, entry) for entry in entries]
        bare = [sendable(entry) for entry in entries]

        def send(count: int) -> None:
            for call in mine[:count]:
                call()
            if not producer.flush(_PATIENCE):
                raise RuntimeError(f"not acknowledged within {_PATIENCE} s: {producer.trouble}")

        def rate(work: Callable[[], None]) -> float:
            client.delete(key)
            begun = perf_counter()
            work()
            seconds = perf_counter() - begun
            if (found := client.xlen(key)) != operations:
                raise RuntimeError(f"expected {operations} entries in the log, found {found}")
            return operations / seconds

        send(_WARM)
        pipelined_xadd(client, key, bare[:_WARM])
        taken = Rounds(rounds)
        taken.measure(_OURS, lambda: rate(lambda: send(operations)))
        taken.measure(_BARE, lambda: rate(lambda: pipelined_xadd(client, key, bare)))
        figures = taken.run()
    return figures[_OURS], figures[_BARE]
