"""The rebuild: entries per second folded into a shadow and swapped in, beside the bare drain; and from a snapshot."""

from __future__ import annotations

from tempfile import TemporaryDirectory

import redis

from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.bounds import Bounds
from projector.snapshot import Snapshots
from tests.benchmarks.ground.baselines import bare_drain
from tests.benchmarks.ground.drained import projector_drain, projector_rebuild
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, site
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Rounds, Row, at_least
from tests.benchmarks.scale import Scale

__all__ = ["run", "run_from_snapshot"]

_MILLION = 1_000_000


def run(scale: Scale) -> list[Row]:
    """Over a projection that is there, as an operator does it."""
    with site() as here:
        here.fill(ACTIONS_50, scale.entries)
        in_own_process(projector_drain, here.url, NAMESPACE)
        rounds = Rounds(scale.rounds)
        rounds.measure("ours", lambda: in_own_process(projector_rebuild, here.url, NAMESPACE).per_second)
        rounds.measure("bare drain", lambda: in_own_process(bare_drain, here.url, NAMESPACE).per_second)
        figures = rounds.run()
    theirs = figures["bare drain"]
    return [
        Row(
            "rebuild",
            ACTIONS_50.name,
            "bare drain",
            "entries/s",
            figures["ours"],
            theirs,
            at_least(0.60),
        )
    ]


def run_from_snapshot(scale: Scale) -> list[Row]:
    """All is archived, and stands in a snapshot, but for the entry that says so. From the log's beginning the rebuild
    takes longer the longer the log is; the target is for a million entries."""
    with site() as here, TemporaryDirectory(prefix="benchmark-") as where:
        here.fill(ACTIONS_50, scale.backlog)
        in_own_process(projector_drain, here.url, NAMESPACE)
        in_own_process(_archive, here.url, NAMESPACE, where)
        in_own_process(projector_drain, here.url, NAMESPACE)
        rounds = Rounds(scale.backlog_rounds)
        rounds.measure("ours", lambda: in_own_process(projector_rebuild, here.url, NAMESPACE, where).per_second)
        rounds.measure("theirs", lambda: in_own_process(projector_rebuild, here.url, NAMESPACE).per_second)
        figures = rounds.run()
    case = f"{ACTIONS_50.name}, {scale.backlog:,} entries from a snapshot"
    target = at_least(20 if scale.backlog >= _MILLION else 3)
    return [Row("rebuild", case, "from the log's beginning", "entries/s", figures["ours"], figures["theirs"], target)]


def _archive(url: str, namespace: str, where: str) -> None:
    archive = Archive.at(where, namespace)
    with redis.Redis.from_url(url, protocol=2) as client:
        Archiver(client, archive).once()
    Snapshots(archive.place).take(archive, Bounds())
