"""Takeover: from the lease's acquisition to the first commit, at full bounds and in an empty namespace.

Seen from outside, by the server's own notifications of what is done to the lease and to the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from multiprocessing.synchronize import Event
from time import perf_counter
from typing import Any

from producer.wal import wal_key
from projector.keys import Keys
from tests.benchmarks.ground.drained import Drained, projector_drain
from tests.benchmarks.ground.full_bounds import FullBounds
from tests.benchmarks.ground.process import Companion, in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.workload import Fields
from tests.benchmarks.ratio import Rounds, Row, at_most
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_EMPTY = "empty"
_PATIENCE = 60.0
_EVENTS = "K$h"
"""CONFIG SET notify-keyspace-events: what is done to strings and hashes."""


def run(scale: Scale) -> list[Row]:
    """The first batch of a session has 100 entries, once of names that are known and once of new ones.

    New names at full bounds have to push out the oldest. So the batch has to wait for the head of the order of
    eviction, of which the producers' hash has no index: all of its rows are read for it.
    """
    with site() as here:
        full = FullBounds()
        here.append(full.log())
        in_own_process(projector_drain, here.url, NAMESPACE)
        here.client.config_set("notify-keyspace-events", _EVENTS)
        known = _compared(here, full, FullBounds.known_names, scale.rounds)
        new = _compared(here, full, FullBounds.new_names, scale.rounds)
    return [
        Row("takeover", "full bounds, known names", "an empty namespace", "ms", *known, at_most(2)),
        Row("takeover", "full bounds, new names evict", "an empty namespace", "ms", *new, at_most(4)),
    ]


def _compared(
    here: Site, full: FullBounds, batch: Callable[[FullBounds, int], Iterable[Fields]], rounds: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(ours, theirs): milliseconds of the takeover of `full`, and of an empty namespace with the same batch."""
    turns = count()

    def at_full_bounds() -> float:
        here.append(batch(full, next(turns)))
        return _takeover(here, NAMESPACE)

    def in_empty() -> float:
        here.forget_projection(_EMPTY)
        here.client.delete(wal_key(_EMPTY))
        here.append(batch(FullBounds(), 0), namespace=_EMPTY)
        return _takeover(here, _EMPTY)

    taken = Rounds(rounds)
    taken.measure("ours", at_full_bounds)
    taken.measure("theirs", in_empty)
    figures = taken.run()
    return figures["ours"], figures["theirs"]


def _takeover(here: Site, namespace: str) -> float:
    """Milliseconds until a projector that begins now has committed, from when it took the lease."""
    keys = Keys(namespace)
    events = {b"__keyspace@0__:" + keys.lease: b"set", b"__keyspace@0__:" + keys.checkpoint: b"hset"}
    with here.client.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(*events)
        with Companion(_drain, here.url, namespace):
            begun, ended = [_moment(pubsub, channel, what) for channel, what in events.items()]
    return (ended - begun) * 1e3


def _moment(pubsub: Any, channel: bytes, what: bytes) -> float:
    """When the server told of it."""
    give_up = perf_counter() + _PATIENCE
    while perf_counter() < give_up:
        message = pubsub.get_message(timeout=1.0)
        if message is not None and message["channel"] == channel and message["data"] == what:
            return perf_counter()
    raise RuntimeError(f"no {what.decode()} of {channel.decode()} within {_PATIENCE} s")


def _drain(ready: Event, _stop: Event, url: str, namespace: str) -> Drained:
    ready.set()
    return projector_drain(url, namespace)
