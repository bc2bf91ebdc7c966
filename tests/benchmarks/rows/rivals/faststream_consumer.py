"""A consumer by FastStream: a subscriber of the stream, in a group, which sends one MULTI an entry."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from time import perf_counter
from typing import Any

import orjson
import redis
import redis.asyncio
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub

from producer.wal import wal_key
from tests.benchmarks.ground.baselines import begin_group
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site
from tests.benchmarks.ratio import Row
from tests.benchmarks.rows.rivals.consumer import beside_ours, write
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_GROUP, _CONSUMER = "rival", "consumer"
_COUNT = 1000
_OPTIONS: dict[str, Any] = {"logger": None, "apply_types": False}
"""No log, and no check of the handler's arguments by pydantic, without which it is faster by more than a half."""
_LACKS = (
    "the acknowledgement is in the MULTI, so that a crash repeats nothing, but leaves what was read to be claimed "
    "later, out of order; what a producer sent twice is counted twice, and what is lost is not seen"
)


def run(scale: Scale) -> list[Row]:
    return [beside_ours(f"FastStream {version('faststream')}", _LACKS, _per_second, scale)]


def _per_second(here: Site, few: int) -> float:
    begin_group(here.client, wal_key(NAMESPACE), _GROUP)
    return few / in_own_process(_consumed, here.url, few)


def _consumed(url: str, few: int) -> float:
    return asyncio.run(_consume(url, few))


async def _consume(url: str, few: int) -> float:
    """Seconds from the broker's start until `few` entries have been counted."""
    key, seen, done = wal_key(NAMESPACE), 0, asyncio.Event()
    broker, client = RedisBroker(url, **_OPTIONS), redis.asyncio.Redis.from_url(url)

    async def count(body: dict[str, Any]) -> None:
        nonlocal seen
        if seen == few:
            return
        message = broker.context.get_local("message")
        async with client.pipeline(transaction=True) as pipeline:
            write(pipeline, orjson.loads(body["op"]))
            pipeline.xack(key, _GROUP, *message.raw_message["message_ids"])
            await pipeline.execute()
        seen += 1
        if seen == few:
            done.set()

    stream = StreamSub(key, group=_GROUP, consumer=_CONSUMER, max_records=_COUNT)
    broker.subscriber(stream=stream, ack_policy=AckPolicy.MANUAL)(count)
    begun = perf_counter()
    await broker.start()
    await done.wait()
    seconds = perf_counter() - begun
    await broker.stop()
    await client.aclose()
    return seconds
