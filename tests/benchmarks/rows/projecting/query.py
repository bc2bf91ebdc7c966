"""The query: `actions()` of 1000, beside the hashes that it reads, read bare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import perf_counter

import redis

from projector import Query
from projector.keys import Keys
from tests.benchmarks.ground.baselines import bare_hashes
from tests.benchmarks.ground.drained import projector_drain
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, site
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Rounds, Row, at_most
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_ACTIONS = 1000
_WORKLOAD = replace(ACTIONS_50, name=f"{_ACTIONS} actions", actions=_ACTIONS)
_ENTRIES = 20 * _ACTIONS
"""Enough that each action has been seen."""


def run(scale: Scale) -> list[Row]:
    with site() as here:
        here.fill(_WORKLOAD, _ENTRIES)
        in_own_process(projector_drain, here.url, NAMESPACE)
        ours, theirs = in_own_process(_timed, here.url, scale.rounds, scale.queries)
    target = at_most(1.5)
    return [Row("query", f"actions() of {_ACTIONS}", "pipelined HGETALL", "ms", ours, theirs, target)]


def _timed(url: str, rounds: int, calls: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(ours, theirs): milliseconds of one call, the median of a round's."""
    names, of = [_WORKLOAD.action_id(number) for number in range(_ACTIONS)], Keys(NAMESPACE)
    keys = [*map(of.action, names), *map(of.durations, names)]
    with Query(url, NAMESPACE) as query, redis.Redis.from_url(url) as client:
        if len(query.actions()) != _ACTIONS or not all(bare_hashes(client, keys)):
            raise RuntimeError(f"expected {_ACTIONS} actions in the projection")
        taken = Rounds(rounds)
        taken.measure("ours", lambda: _milliseconds(query.actions, calls))
        taken.measure("theirs", lambda: _milliseconds(lambda: bare_hashes(client, keys), calls))
        figures = taken.run()
    return figures["ours"], figures["theirs"]


def _milliseconds(call: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        begun = perf_counter()
        call()
        taken.append((perf_counter() - begun) * 1e3)
    return median(taken)
