"""Growth: what an entry costs a worker that serves many namespaces or partitions, beside a worker that serves one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from multiprocessing.synchronize import Event
from threading import Thread
from time import perf_counter, process_time, sleep

import orjson
import redis

from producer.partitions.naming import partition_number, partition_of
from projector.bounds import DEFAULT_LEASE_SECONDS, Bounds
from projector.fleet.fleet import fleet_of
from projector.fleet.making import Settings
from projector.keys import Keys
from projector.retention.retention import WEEK_MS, Retention
from tests.benchmarks.ground.drained import Drained
from tests.benchmarks.ground.process import Companion
from tests.benchmarks.ground.site import Site, site
from tests.benchmarks.ground.workload import ACTIONS_50, Fields
from tests.benchmarks.ratio import Rounds, Row, at_most
from tests.benchmarks.scale import Scale
from tests.support.servers import eventually

__all__ = ["run"]

_NAMESPACE, _PARTITIONED = "team", "otters"
_SPREAD = replace(ACTIONS_50, name="500 actions", actions=500)
_PATIENCE = 600.0
_BEGIN = "begin"
"""The key by which workers that are ready begin at once."""


def run(scale: Scale) -> list[Row]:
    """Namespaces have logs of one length each; over partitions one log is spread by its actions."""
    rows = []
    with site() as here:
        served = {count: [f"{_NAMESPACE}-{number}" for number in range(count)] for count in scale.namespaces}
        for name in served[max(served)]:
            here.fill(ACTIONS_50, scale.growing, namespace=name)
        rows += _costs(here, scale, "namespaces", served, scale.growing)
    with site() as here:
        served = {count: _spread(here, scale, count) for count in scale.partitions}
        rows += _costs(here, scale, "partitions", served, None)
        if scale.two_workers:
            rows.append(_two_workers(here, scale, served[max(served)]))
    return rows


def _spread(here: Site, scale: Scale, count: int) -> list[str]:
    """The partitions over which one log is spread."""
    names = [partition_of(f"{_PARTITIONED}-{count}", number) for number in range(count)]
    logs: list[list[Fields]] = [[] for _ in names]
    for entry in _SPREAD.entries(scale.growing * max(scale.partitions)):
        logs[partition_number(orjson.loads(entry[1])["action_id"], count)].append(entry)
    for name, log in zip(names, logs, strict=True):
        here.append(log, namespace=name)
    return names


def _costs(here: Site, scale: Scale, kind: str, served: Mapping[int, Sequence[str]], each: int | None) -> list[Row]:
    """CPU an entry with so many logs, of `each` so many entries (None: all that there are in all of one), beside the
    CPU with one log."""
    rounds = Rounds(scale.backlog_rounds)
    for count, names in served.items():
        total = scale.growing * max(scale.partitions) if each is None else each * count
        rounds.measure(str(count), partial(_cost, here, names, total))
    figures = rounds.run()
    first, *more = served
    return [
        Row(
            "growth", f"{count} {kind}", "one", "CPU µs/entry", figures[str(count)], figures[str(first)], at_most(1.1)
        )
        for count in more
    ]


def _two_workers(here: Site, scale: Scale, names: Sequence[str]) -> Row:
    """Entries a second of two workers with half of the partitions each, beside one worker with all."""
    half, total = len(names) // 2, scale.growing * max(scale.partitions)
    rounds = Rounds(scale.backlog_rounds)
    rounds.measure("two", lambda: _drained(here, [names[:half], names[half:]], total).per_second)
    rounds.measure("one", lambda: _drained(here, [names], total).per_second)
    figures = rounds.run()
    case = f"two workers, {len(names)} partitions"
    return Row("growth", case, "one worker", "entries/s", figures["two"], figures["one"])


def _cost(here: Site, names: Sequence[str], total: int) -> float:
    return _drained(here, [names], total).cpu_us


def _drained(here: Site, shares: Sequence[Sequence[str]], total: int) -> Drained:
    """The drain of logs with `total` entries together by a worker for each of `shares`, all of them at once."""
    names = [name for share in shares for name in share]
    for name in names:
        here.forget_projection(name)
    here.client.delete(_BEGIN)
    with ExitStack() as stack:
        workers = [stack.enter_context(Companion(_working, here.url, tuple(share))) for share in shares]
        here.client.set(_BEGIN, 1)
        begun = perf_counter()
        keys = [Keys(name).checkpoint for name in names]
        eventually(lambda: _projected(here, keys) == total, seconds=_PATIENCE, what="a drain")
        ended = perf_counter()
    cpu = sum(worker.result for worker in workers)
    return Drained(total, begun, ended, cpu, 0)


def _projected(here: Site, checkpoints: Sequence[bytes]) -> int:
    sleep(0.05)  # asking takes the server's time, too
    with here.client.pipeline(transaction=False) as pipeline:
        for key in checkpoints:
            pipeline.hget(key, "entries")
        return sum(int(entries or 0) for entries in pipeline.execute())


def _settings(url: str, names: tuple[str, ...]) -> Settings:
    forever = Retention(trims=False, age_ms=0, entries=0, without_archive=False, patience_ms=WEEK_MS)
    return Settings(
        url=url,
        namespaces=names,
        bounds=Bounds(),
        lease_ttl=DEFAULT_LEASE_SECONDS,
        retention=forever,
        seal_after=0,
    )


def _working(ready: Event, stop: Event, url: str, names: tuple[str, ...]) -> float:
    """A worker that serves `names` until `stop`: the seconds of CPU that this took its process."""
    fleet = fleet_of(_settings(url, names))
    serving = Thread(target=fleet.run)
    with redis.Redis.from_url(url) as client:
        ready.set()
        eventually(lambda: client.exists(_BEGIN), what="the beginning")
    cpu = process_time()
    serving.start()
    stop.wait()
    used = process_time() - cpu
    fleet.stop()
    serving.join()
    return used
