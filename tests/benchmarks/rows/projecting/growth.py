"""Growth: what an entry costs a worker that serves many namespaces or partitions, beside a worker that serves one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from multiprocessing.synchronize import Event
from threading import Thread
from time import perf_counter, process_time, sleep

import redis

from producer.partitions.naming import partition_of
from projector.bounds import DEFAULT_LEASE_SECONDS, Bounds
from projector.fleet.fleet import fleet_of
from projector.fleet.making import Settings
from projector.keys import Keys
from projector.retention.retention import WEEK_MS, Retention
from tests.benchmarks.ground.drained import Drained
from tests.benchmarks.ground.process import Companion
from tests.benchmarks.ground.site import Site, site
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Rounds, Row, at_most
from tests.benchmarks.scale import Scale
from tests.support.servers import eventually

__all__ = ["run"]

_NAMESPACE, _PARTITIONED = "team", "otters"
_PATIENCE = 600.0
_BEGIN = "begin"
"""The key by which workers that are ready begin at once."""


def run(scale: Scale) -> list[Row]:
    """Each log has as many entries, so that what beginning a session costs is spread over as many."""
    with site() as here:
        namespaces = [f"{_NAMESPACE}-{number}" for number in range(max(scale.namespaces))]
        partitions = [partition_of(_PARTITIONED, number) for number in range(max(scale.partitions))]
        for name in (*namespaces, *partitions):
            here.fill(ACTIONS_50, scale.growing, namespace=name)
        rows = _costs(here, scale, "namespaces", namespaces, scale.namespaces)
        rows += _costs(here, scale, "partitions", partitions, scale.partitions)
        rows.append(_two_workers(here, scale, partitions))
    return rows


def _costs(here: Site, scale: Scale, kind: str, names: Sequence[str], counts: Sequence[int]) -> list[Row]:
    """CPU an entry with so many logs, beside the CPU with the first count, which is one."""
    rounds = Rounds(scale.backlog_rounds)
    for count in counts:
        rounds.measure(str(count), partial(_cost, here, names[:count], scale.growing))
    figures = rounds.run()
    alone = figures[str(counts[0])]
    return [
        Row("growth", f"{count} {kind}", "one", "CPU µs/entry", figures[str(count)], alone, at_most(1.1))
        for count in counts[1:]
    ]


def _two_workers(here: Site, scale: Scale, names: Sequence[str]) -> Row:
    """Entries a second of two workers with half of the partitions each, beside one worker with all."""
    half = len(names) // 2
    rounds = Rounds(scale.backlog_rounds)
    rounds.measure("two", lambda: _drained(here, [names[:half], names[half:]], scale.growing).per_second)
    rounds.measure("one", lambda: _drained(here, [names], scale.growing).per_second)
    figures = rounds.run()
    return Row(
        "growth", f"two workers, {len(names)} partitions", "one worker", "entries/s", figures["two"], figures["one"]
    )


def _cost(here: Site, names: Sequence[str], entries: int) -> float:
    drained = _drained(here, [names], entries)
    return drained.cpu_us


def _drained(here: Site, shares: Sequence[Sequence[str]], entries: int) -> Drained:
    """The drain of logs with so many `entries` each by a worker for each of `shares`, all of them at once."""
    names = [name for share in shares for name in share]
    for name in names:
        here.forget_projection(name)
    here.client.delete(_BEGIN)
    with ExitStack() as stack:
        workers = [stack.enter_context(Companion(_working, here.url, tuple(share))) for share in shares]
        here.client.set(_BEGIN, 1)
        begun = perf_counter()
        keys = [Keys(name).checkpoint for name in names]
        eventually(lambda: _projected(here, keys) == entries * len(names), seconds=_PATIENCE, what="a drain")
        ended = perf_counter()
    cpu = sum(worker.result for worker in workers)
    return Drained(entries * len(names), begun, ended, cpu, 0)


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
