"""The archive: what it costs the projection beside it, and how many bytes an entry takes there."""

from __future__ import annotations

import os
import threading
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory

from producer.wal import wal_key
from projector.archive.archive import Archive
from projector.archiving.__main__ import NICENESS, archive
from projector.archiving.companion import Order
from tests.benchmarks.ground.drained import projector_drain
from tests.benchmarks.ground.process import Companion, in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Rounds, Row, at_least, at_most
from tests.benchmarks.scale import Scale
from tests.support.servers import eventually

__all__ = ["run"]


def _archiving(ready: Event, stop: threading.Event, url: str, where: str) -> None:
    """What the archiver's process does, from its start on."""
    os.nice(NICENESS)
    ready.set()
    archive(Order(url=url, namespace=NAMESPACE, where=where, seal_after=600), stop, lambda _news: None)


def run(scale: Scale) -> list[Row]:
    """A backlog is projected while the archiver's process is at work on as many entries before it, and without."""
    sizes: list[tuple[float, float]] = []

    def prepare(here: Site) -> None:
        here.forget_projection()
        here.fill(ACTIONS_50, scale.entries)
        in_own_process(projector_drain, here.url, NAMESPACE)
        here.append(ACTIONS_50.entries(scale.entries))
        here.client.config_resetstat()

    def with_archive(here: Site) -> float:
        prepare(here)
        in_redis = here.memory_of([wal_key(NAMESPACE).encode()]) / (2 * scale.entries)
        with TemporaryDirectory(prefix="benchmark-") as where:
            with Companion(_archiving, here.url, where):
                eventually(lambda: "cmdstat_xrange" in here.info("commandstats"), what="an archiver that reads")
                drained = in_own_process(projector_drain, here.url, NAMESPACE)
            newest = Archive.at(where, NAMESPACE).newest()
            assert newest is not None
            files = (Path(where) / NAMESPACE / "segments").iterdir()
            sizes.append((sum(file.stat().st_size for file in files) / newest.total, in_redis))
        return drained.per_second

    def without(here: Site) -> float:
        prepare(here)
        return in_own_process(projector_drain, here.url, NAMESPACE).per_second

    with site() as here:
        rounds = Rounds(scale.rounds)
        rounds.measure("archived", lambda: with_archive(here))
        rounds.measure("not archived", lambda: without(here))
        figures = rounds.run()
    archived, in_redis = zip(*sizes, strict=True)
    return [
        Row(
            "archiving",
            ACTIONS_50.name,
            "the same without an archive",
            "entries/s",
            figures["archived"],
            figures["not archived"],
            at_least(0.90, so_far=0.7),
        ),
        Row("archiving", "an entry in the archive", "in the log", "bytes", archived, in_redis, at_most(0.10)),
    ]
