"""Visibility: from the reply to an operation's XADD to the query that shows it, at 1000 operations per second."""

from __future__ import annotations

from statistics import median
from time import perf_counter, sleep

import redis

from producer import Producer
from projector import Query
from tests.benchmarks.ground.baselines import ping
from tests.benchmarks.ground.companions import producing, projecting
from tests.benchmarks.ground.process import Companion, in_own_process
from tests.benchmarks.ground.site import NAMESPACE, site
from tests.benchmarks.ratio import Row, at_most, percentile
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_PER_SECOND = 1000
_PROBES_PER_SECOND = 100
"""Those whose way is timed; a companion sends the rest."""
_ACTION = "probe"

# The short form judges multiples of a PING only. On an idle machine one takes some 40 µs, so that the limits of 2 ms
# and 10 ms are 50 and 250 of it. Neighbours slow three processes in turn more than one round trip: four times as much
# is let pass, by which a projector that polled, or waited for a batch to fill, would still be found out.
_P50_PINGS, _P99_PINGS = 200, 1000


def run(scale: Scale) -> list[Row]:
    """Each probe is polled for until it is seen, in a process beside the projector's and the producer's."""
    with (
        site() as here,
        Companion(projecting, here.url),
        Companion(producing, here.url, _PER_SECOND - _PROBES_PER_SECOND),
    ):
        rounds = [in_own_process(_probe, here.url, scale.visible) for _ in range(scale.rounds)]
    pings = tuple(median(pings) for _, pings in rounds)
    return [
        Row("visibility", "p50", "PING", "ms", _each(rounds, 0.50), pings, at_most(_P50_PINGS), at_most(2)),
        Row("visibility", "p99", "PING", "ms", _each(rounds, 0.99), pings, at_most(_P99_PINGS), at_most(10)),
    ]


def _each(rounds: list[tuple[list[float], list[float]]], part: float) -> tuple[float, ...]:
    return tuple(percentile(delays, part) for delays, _ in rounds)


def _probe(url: str, probes: int) -> tuple[list[float], list[float]]:
    """(milliseconds until each probe was seen, milliseconds of the PING before each)."""
    delays: list[float] = []
    pings: list[float] = []
    with Producer(url, NAMESPACE) as producer, Query(url, NAMESPACE) as query, redis.Redis.from_url(url) as client:
        due = perf_counter()
        for _ in range(probes):
            due = max(due + 1 / _PROBES_PER_SECOND, perf_counter())
            sleep(max(0.0, due - perf_counter()))
            pings.append(ping(client) * 1e3)
            entry_id = producer.action_execution_completed(_ACTION, True, duration_ms=1).entry_id
            replied = perf_counter()
            while not _is_seen(query, entry_id):
                pass
            delays.append((perf_counter() - replied) * 1e3)
    return delays, pings


def _is_seen(query: Query, entry_id: str | None) -> bool:
    return any(record.entry_id == entry_id for record in query.recent_action_executions(1, action_id=_ACTION))
