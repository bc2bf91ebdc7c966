"""What ours is compared with: what Redis, redis-py and SQLite do by themselves, and what a tutorial shows.

Each opens its own client, as plainly as its documentation has it: redis-py with hiredis, nothing else configured.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from zlib import crc32

import orjson
import redis

from producer.wal import wal_key
from tests.benchmarks.ground.drained import Drained
from tests.benchmarks.ground.process import peak_memory_kib
from tests.benchmarks.ground.workload import Fields

__all__ = [
    "BareTable",
    "bare_drain",
    "bare_hashes",
    "begin_group",
    "ping",
    "pipelined_xadd",
    "sendable",
    "tutorial_consumer",
]

_GROUP, _CONSUMER = "baseline", "consumer"
_COUNT = 1000
_KEPT = 999
_IN_A_PIPELINE = 100
_AT = 1_790_000_000_000

Sendable = tuple[dict[str, Any], dict[Any, Any]]
"""An operation that is yet to be made JSON, and the other fields of its entry."""


def bare_drain(url: str, namespace: str, noack: bool = False) -> Drained:
    """Read the log through a group, 1000 entries at a time, and throw them away; acknowledge each batch."""
    key = wal_key(namespace)
    with redis.Redis.from_url(url) as client:
        begin_group(client, key)
        entries = 0
        begun, cpu = perf_counter(), process_time()
        while batch := _read(client, key, noack=noack):
            if not noack:
                client.xack(key, _GROUP, *[entry_id for entry_id, _ in batch])
            entries += len(batch)
        return Drained(entries, begun, perf_counter(), process_time() - cpu, peak_memory_kib())


def tutorial_consumer(url: str, namespace: str, most: int) -> Drained:
    """The consumer of tutorials, for the first `most` entries: one MULTI an entry, which counts, lists and
    acknowledges it."""
    key = wal_key(namespace)
    with redis.Redis.from_url(url) as client:
        begin_group(client, key)
        entries = 0
        begun, cpu = perf_counter(), process_time()
        while entries < most and (batch := _read(client, key)):
            for entry_id, fields in batch:
                _count_one(client, key, entry_id, json.loads(fields[b"op"]))
            entries += len(batch)
        seconds, used = perf_counter(), process_time() - cpu
        client.delete("tutorial:recent", *client.scan_iter(match="tutorial:stats:*", count=1000))
        return Drained(entries, begun, seconds, used, peak_memory_kib())


def _count_one(client: redis.Redis, key: str, entry_id: bytes, operation: dict[str, Any]) -> None:
    with client.pipeline(transaction=True) as pipeline:
        name = operation.get("action_id") or operation["scanner_id"]
        pipeline.hincrby(f"tutorial:stats:{name}", operation["type"], 1)
        pipeline.lpush("tutorial:recent", json.dumps(operation))
        pipeline.ltrim("tutorial:recent", 0, _KEPT)
        pipeline.xack(key, _GROUP, entry_id)
        pipeline.execute()


def begin_group(client: redis.Redis, key: str, group: str = _GROUP) -> None:
    """A group that has read nothing of the log yet."""
    client.xgroup_destroy(key, group)
    client.xgroup_create(key, group, id="0")


def _read(client: redis.Redis, key: str, *, noack: bool = False) -> list[Any]:
    reply: Any = client.xreadgroup(_GROUP, _CONSUMER, {key: ">"}, count=_COUNT, noack=noack)
    if not reply:
        return []
    batch: list[Any] = reply[0][1]
    return batch


def ping(client: redis.Redis) -> float:
    """The seconds that one round trip takes."""
    begun = perf_counter()
    client.ping()
    return perf_counter() - begun


def bare_hashes(client: redis.Redis, keys: Sequence[bytes]) -> list[Any]:
    """HGETALL of each key, in one pipeline."""
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hgetall(key)
        found: list[Any] = pipeline.execute()
    return found


def sendable(entry: Fields) -> Sendable:
    return orjson.loads(entry[1]), dict(zip(entry[2::2], entry[3::2], strict=True))


def pipelined_xadd(client: redis.Redis, key: str, entries: Sequence[Sendable]) -> None:
    """Append them in pipelines of a hundred, the JSON made here."""
    for at in range(0, len(entries), _IN_A_PIPELINE):
        with client.pipeline(transaction=False) as pipeline:
            for operation, others in entries[at : at + _IN_A_PIPELINE]:
                pipeline.xadd(key, {b"op": orjson.dumps(operation), **others})
            pipeline.execute()


class BareTable:
    """A table shaped as the spool's is, in a file of its own with the same settings; each insert is a transaction."""

    def __init__(self, path: Path, *, vfs: str) -> None:
        self._connection = sqlite3.connect(f"file:{path}?vfs={vfs}", uri=True, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA wal_autocheckpoint = 8192")
        self._connection.execute(
            "CREATE TABLE operation "
            "(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, checksum INTEGER NOT NULL, op BLOB NOT NULL)"
        )
        self._cursor = self._connection.cursor()
        self._numbers = count(1)

    def insert_of(self, op: bytes) -> Callable[[], object]:
        """Insert this operation, under the next number, whenever it is called."""
        execute, numbers, checksum = self._cursor.execute, self._numbers, crc32(op)
        statement = "INSERT INTO operation (seq, at, checksum, op) VALUES (?, ?, ?, ?)"
        return lambda: execute(statement, (next(numbers), _AT, checksum, op))

    def clear(self) -> None:
        """Delete all rows and copy SQLite's log back, as the spool's thread does beside its calls."""
        self._connection.execute("DELETE FROM operation")
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        self._connection.close()
