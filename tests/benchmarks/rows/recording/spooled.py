"""The spooled producer: its call beside one insert into SQLite, and the whole way beside redis-py's pipeline."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from producer import Producer
from tests.benchmarks.ground.baselines import BareTable
from tests.benchmarks.ground.calls import call_of, microseconds
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, site
from tests.benchmarks.ground.until_acknowledged import PIPELINE, until_acknowledged
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Row, at_least, at_most
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_BLOCK = 1000
"""Calls in a row: so many that the thread forwards beside the later ones."""
_PATIENCE = 60.0
_OURS, _DEFAULT, _EXCLUSIVE = "ours", "unix", "unix-excl"
_SO_FAR = {"default": 1.6, "exclusive": 2.6}
"""Beside an insert by either VFS, where the target is 1.25. docs/performance.md has what holds it back. On a slow
EPYC the same code gave 1.35 to 1.98, and 2.2 to 3.04: there Python is slow beside SQLite."""

_NOTE = (
    "an insert is a transaction of its own, in WAL mode, synchronous NORMAL, of the same row; once by SQLite's "
    "default VFS, and once by the spool's (unix-excl), which needs no call of the system for a lock"
)


def run(scale: Scale) -> list[Row]:
    """The server is there, and the thread at work."""
    with site() as here, TemporaryDirectory(prefix="benchmark-") as directory:
        path = Path(directory)
        figures = in_own_process(_interleaved, here.url, path, scale.operations, scale.rounds)
        options = {"spool": path / "until-acknowledged"}
        rates = in_own_process(until_acknowledged, here.url, scale.forwarded, scale.rounds, options)
    ours = figures[_OURS]
    inserts = {  # by VFS
        _DEFAULT: ("SQLite's INSERT, default VFS", at_most(1.25, so_far=_SO_FAR["default"])),
        _EXCLUSIVE: ("SQLite's INSERT, the spool's VFS", at_most(1.25, so_far=_SO_FAR["exclusive"])),
    }
    return [
        *(
            Row("spooled", "call", baseline, "µs", ours, figures[vfs], target, note=_NOTE)
            for vfs, (baseline, target) in inserts.items()
        ),
        Row("spooled", "until acknowledged", PIPELINE, "operations/s", *rates, at_least(0.30)),
    ]


def _interleaved(url: str, directory: Path, operations: int, rounds: int) -> dict[str, tuple[float, ...]]:
    """Of each round the median microseconds of one call, and of one insert by each VFS, all in one process."""
    entries = list(ACTIONS_50.entries(operations))
    tables = {vfs: BareTable(directory / vfs, vfs=vfs) for vfs in (_DEFAULT, _EXCLUSIVE)}
    with Producer(url, NAMESPACE, spool=directory / "spool") as producer:
        calls = [call_of(producer, entry) for entry in entries]
        inserts = {vfs: [table.insert_of(entry[1]) for entry in entries] for vfs, table in tables.items()}

        def take(first: int) -> dict[str, list[float]]:
            block = slice(first, first + _BLOCK)
            taken = {_OURS: [microseconds(call) for call in calls[block]]}
            if not producer.flush(_PATIENCE):
                raise RuntimeError(f"not acknowledged within {_PATIENCE} s: {producer.trouble}")
            for vfs, table in tables.items():
                taken[vfs] = [microseconds(insert) for insert in inserts[vfs][block]]
                table.clear()
            return taken

        take(0)  # connections made, code warm
        blocks = [[take(first) for first in range(0, operations, _BLOCK)] for _ in range(rounds)]
    for table in tables.values():
        table.close()
    return {
        name: tuple(median(figure for taken in round_ for figure in taken[name]) for round_ in blocks)
        for name in (_OURS, *tables)
    }
