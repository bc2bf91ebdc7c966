"""What ours is compared with: what Redis and redis-py do by themselves, and what a tutorial shows.

Each opens its own client, as plainly as its documentation has it: redis-py with hiredis, nothing else configured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from time import perf_counter, process_time
from typing import Any

import redis

from producer.wal import wal_key
from tests.benchmarks.ground.drained import Drained
from tests.benchmarks.ground.process import peak_memory_kib

__all__ = ["bare_drain", "bare_hashes", "ping", "tutorial_consumer"]

_GROUP, _CONSUMER = "baseline", "consumer"
_COUNT = 1000
_KEPT = 999


def bare_drain(url: str, namespace: str, noack: bool = False) -> Drained:
    """Read the log through a group, 1000 entries at a time, and throw them away; acknowledge each batch."""
    key = wal_key(namespace)
    with redis.Redis.from_url(url) as client:
        _begin_group(client, key)
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
        _begin_group(client, key)
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


def _begin_group(client: redis.Redis, key: str) -> None:
    client.xgroup_destroy(key, _GROUP)
    client.xgroup_create(key, _GROUP, id="0")


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
