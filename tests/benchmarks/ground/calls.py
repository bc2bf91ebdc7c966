"""The calls that send an operation: by our producer's methods, and bare."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import orjson
import redis

from producer import Producer
from producer.wal import wal_key
from tests.benchmarks.ground.workload import Fields

__all__ = ["Call", "bare_xadd_of", "call_of", "microseconds"]

Call = Callable[[], object]


def call_of(producer: Producer, entry: Fields) -> Call:
    """The start or completion in `entry`, by our producer's method for it."""
    arguments: dict[str, Any] = orjson.loads(entry[1])
    kind = arguments.pop("type")
    method = getattr(producer, kind)
    arguments["at"] = arguments.pop("started_at" if kind.endswith("started") else "completed_at")
    return lambda: method(**arguments)


def bare_xadd_of(client: redis.Redis, entry: Fields, namespace: str) -> Call:
    """The same bytes, ready made, by redis-py's own `xadd`."""
    key = wal_key(namespace)
    fields: Any = dict(zip(entry[0::2], entry[1::2], strict=True))
    return lambda: client.xadd(key, fields)


def microseconds(call: Call) -> float:
    """How long it takes."""
    begun = perf_counter()
    call()
    return (perf_counter() - begun) * 1e6
