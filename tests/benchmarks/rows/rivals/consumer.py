"""A rival's consumer beside our projector: the comparison, and what such a consumer writes for an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from tests.benchmarks.ground.drained import projector_drain
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Rounds, Row
from tests.benchmarks.scale import Scale

__all__ = ["beside_ours", "is_start", "write"]

_FAR_FEWER = (
    "both keep runs in flight, totals, counts and lists of each action and of all; ours also histograms, rollups, "
    "orphans, producers' numbers and the kinds of failures"
)


def beside_ours(baseline: str, lacks: str, drain: Callable[[Site, int], float], scale: Scale) -> Row:
    """`drain` gives the entries per second of so many entries of the log, from the first; ours takes them all."""
    few = scale.tutorial_entries

    def ours() -> float:
        here.forget_projection()
        return in_own_process(projector_drain, here.url, NAMESPACE).per_second

    def theirs() -> float:
        here.client.delete("rival:totals", *here.client.scan_iter(match="rival:*", count=1000))
        per_second = drain(here, few)
        _check(here, few)
        return per_second

    with site() as here:
        here.fill(ACTIONS_50, scale.entries)
        rounds = Rounds(scale.rounds)
        rounds.measure("ours", ours)
        rounds.measure("theirs", theirs)
        figures = rounds.run()
    note = f"{_FAR_FEWER}. {baseline.split()[0]}'s consumer: {lacks}"
    return Row("rivals", "the projection", baseline, "entries/s", figures["ours"], figures["theirs"], note=note)


def _check(here: Site, few: int) -> None:
    totals: Any = here.client.hgetall("rival:totals")
    found = sum(map(int, totals.values()))
    expected = sum(not is_start(orjson.loads(fields[1])) for fields in ACTIONS_50.entries(few))
    if found != expected:
        raise RuntimeError(f"expected {expected} completions in rival:totals, found {found}")


def is_start(operation: dict[str, Any]) -> bool:
    return bool(operation["type"] == "action_execution_started")


def write(pipeline: Any, operation: dict[str, Any]) -> None:
    """Add to `pipeline` what an operation changes; bullmq_events.cjs does the same."""
    name, record = operation["action_id"], orjson.dumps(operation)
    if is_start(operation):
        pipeline.hset("rival:in_flight", operation["execution_id"], record)
        return
    pipeline.hdel("rival:in_flight", operation["execution_id"])
    for key in ("rival:totals", f"rival:action:{name}"):
        pipeline.hincrby(key, "successes" if operation["success"] else "failures", 1)
    lists = {"rival:executions": 1000, f"rival:executions:{name}": 100}
    for key, bound in lists.items() if operation["success"] else (*lists.items(), ("rival:failures", 1000)):
        pipeline.lpush(key, record)
        pipeline.ltrim(key, 0, bound - 1)
