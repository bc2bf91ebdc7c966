"""The projector's work on a batch, stage by stage, each timed by itself in this process."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any, TypeVar

import hiredis
import redis

from projector.bounds import Bounds
from projector.commit.plan import plan_of
from projector.fold.entry import Entry, read_entry
from projector.fold.fold import fold
from projector.fold.history import History
from projector.keys import Keys
from tests.benchmarks.ground.site import NAMESPACE

__all__ = ["stage_costs"]

_BATCH = 1000
_SLICE = 50
_BATCHES = 20
_WARM = 3
"""Batches before the first that counts: dictionaries grown, code warm."""

_Batch = list[tuple[bytes, list[bytes]]]
_T = TypeVar("_T")


def stage_costs(url: str) -> list[tuple[str, float]]:
    """Microseconds an entry of each stage, medians over batches of the log that is there."""
    stages = _Stages()
    with redis.Redis.from_url(url, protocol=2) as client:
        after = "-"
        for _ in range(_BATCHES):
            batch = stages.run(client, after)
            after = f"({batch[-1][0].decode()}"
    return stages.medians()


class _Stages:
    def __init__(self) -> None:
        self._history = History(Bounds())
        self._keys = Keys(NAMESPACE)
        self._batches = 0
        self._taken: dict[str, list[float]] = {}

    def medians(self) -> list[tuple[str, float]]:
        return [(name, median(taken[_WARM:])) for name, taken in self._taken.items()]

    def run(self, client: redis.Redis, after: str) -> _Batch:
        """One batch through all stages, as the worker takes it."""
        reply = _raw_reply(client, after, self._keys.wal)
        history, keys = self._history, self._keys
        batch: _Batch = self._timed("unpack the reply", lambda: _unpacked(reply))
        for at in range(0, len(batch), _SLICE):
            self._slice(batch[at : at + _SLICE])
        self._timed("plan and pack the commit", lambda: plan_of(history, keys))
        history.committed()
        self._batches += 1
        return batch

    def _slice(self, raw: _Batch) -> None:
        """Few entries at a time, as the worker does it: what is read dies young."""
        entries = self._timed("read and decode the entries", lambda: [read_entry(*entry) for entry in raw])
        self._timed("fold", lambda: _folded(self._history, entries))

    def _timed(self, name: str, work: Callable[[], _T]) -> _T:
        begun = perf_counter()
        result = work()
        taken = self._taken.setdefault(name, [])
        if len(taken) <= self._batches:
            taken.append(0.0)
        taken[-1] += (perf_counter() - begun) / _BATCH * 1e6
        return result


def _folded(history: History, entries: list[Entry]) -> None:
    for entry in entries:
        fold(history, entry)


def _raw_reply(client: redis.Redis, after: str, wal: bytes) -> bytes:
    """The bytes of the reply with the next batch."""
    connection: Any = client.connection_pool.get_connection()
    try:
        connection.send_command("XRANGE", wal, after, "+", "COUNT", _BATCH)
        received = connection.read_response()
    finally:
        client.connection_pool.release(connection)
    return _packed(received)


def _packed(value: Any) -> bytes:
    """A reply as RESP2 has it."""
    if isinstance(value, bytes):
        return b"$%d\r\n%s\r\n" % (len(value), value)
    return b"*%d\r\n" % len(value) + b"".join(map(_packed, value))


def _unpacked(reply: bytes) -> Any:
    reader = hiredis.Reader()
    reader.feed(reply)
    return reader.gets()
