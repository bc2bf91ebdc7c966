"""The hold-up: how long another client waits while a backlog at full bounds drains, each entry of it all new names.

Every entry pushes out the oldest action and the oldest producer: no other makes a commit write as much. PINGs are
timed, because a client feels not only the commit, but also the server's reading of it and the write to the AOF.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median_low

from producer.wal import wal_key
from tests.benchmarks.ground.baselines import bare_drain
from tests.benchmarks.ground.companions import Sent, pinging
from tests.benchmarks.ground.drained import Drained, projector_drain
from tests.benchmarks.ground.full_bounds import FullBounds
from tests.benchmarks.ground.process import Companion, in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.workload import Fields
from tests.benchmarks.ratio import Row, Target, at_most, percentile
from tests.benchmarks.scale import Scale

__all__ = ["run", "waits_of"]

_BARE = "bare"
"""The namespace of the backlog alone: a bare drain of ours would begin with the log that reached the bounds."""
_BARE_DRAINS = 10
_PAUSE = 0.0005
"""Seconds from a PING's reply to the next PING."""

# The short form judges multiples of what the bare drain does to the same PINGs: its replies of 1000 entries hold
# them up for some 6 ms. The limits, 15 ms and 8 ms, are 2.5 and 1.3 of that. Of the second more is let pass, because
# neighbours interrupt a long command more often than a short one.
_LONGEST = at_most(2.5)
_P99 = at_most(2)


def run(scale: Scale) -> list[Row]:
    """PINGs go on all the time; those count that fall into a drain."""
    commands: list[tuple[float, str]] = []
    with site() as here:
        here.client.config_set("latency-tracking-info-percentiles", "100")
        full = FullBounds()
        here.append(full.log())
        in_own_process(projector_drain, here.url, NAMESPACE)
        with Companion(pinging, here.url, _PAUSE) as pings:
            drains = []
            for turn in range(scale.rounds):
                backlog = list(full.churn(turn, scale.churn))
                drains.append((_ours(here, backlog, commands), _bare(here, backlog)))
    waits = [(waits_of(pings.result, ours), waits_of(pings.result, theirs)) for ours, theirs in drains]
    longest, name = median_low(commands)
    note = f"the longest command by the server's own count: {name}, {longest:.1f} ms"
    return [
        _row("longest PING", waits, 1, _LONGEST, at_most(15), note),
        _row("PING's p99", waits, 0.99, _P99, at_most(8), note),
    ]


def _row(
    case: str, waits: list[tuple[list[float], list[float]]], part: float, target: Target, limit: Target, note: str
) -> Row:
    ours, theirs = (tuple(percentile(each, part) for each in side) for side in zip(*waits, strict=True))
    return Row("hold_up", f"{case}, new names at full bounds", "bare drain", "ms", ours, theirs, target, limit, note)


def _ours(here: Site, backlog: list[Fields], commands: list[tuple[float, str]]) -> Drained:
    """Adds to `commands` the milliseconds of the longest command, and its name."""
    here.append(backlog)
    here.client.config_resetstat()
    drained = in_own_process(projector_drain, here.url, NAMESPACE)
    counted = here.info("latencystats").items()
    commands.append(max((taken["p100"] / 1e3, name.rpartition("_")[2]) for name, taken in counted))
    return drained


def _bare(here: Site, backlog: list[Fields]) -> Drained:
    here.client.delete(wal_key(_BARE))
    here.append(backlog, namespace=_BARE)
    return in_own_process(_bare_drains, here.url, _BARE)


def _bare_drains(url: str, namespace: str) -> Drained:
    """So many that they take about as long as ours: of few moments fewer are bad ones."""
    drains = [bare_drain(url, namespace) for _ in range(_BARE_DRAINS)]
    return replace(drains[-1], begun=drains[0].begun)


def waits_of(pings: Sent, drained: Drained) -> list[float]:
    """Milliseconds that a client waits which comes at any moment of the drain.

    A PING that is held up keeps back those that would have followed. They are counted as well, else a moment in which
    nobody is served would weigh as little as one in which all are.
    """
    took = [took for sent, took in pings if drained.begun <= sent <= drained.ended]
    return [(each - late * _PAUSE) * 1e3 for each in took for late in range(1 + int(each / _PAUSE))]
