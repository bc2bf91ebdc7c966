"""Every benchmark by its name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.ratio import Row
from tests.benchmarks.rows.projecting import (
    archiving,
    fold_instructions,
    growth,
    hold_up,
    interference,
    memory,
    projection,
    query,
    rebuild,
    server_time,
    takeover,
)
from tests.benchmarks.rows.reading import log, pages
from tests.benchmarks.rows.recording import buffered, producer, spooled, visibility
from tests.benchmarks.rows.rivals import rivals
from tests.benchmarks.scale import Scale

__all__ = ["BENCHMARKS", "ON_REQUEST"]

BENCHMARKS: dict[str, Callable[[Scale], list[Row]]] = {
    "projection": projection.run,
    "rebuild": rebuild.run,
    "snapshot": rebuild.run_from_snapshot,
    "archiving": archiving.run,
    "producer": producer.run,
    "buffered": buffered.run,
    "spooled": spooled.run,
    "visibility": visibility.run,
    "server_time": server_time.run,
    "interference": interference.run,
    "hold_up": hold_up.run,
    "takeover": takeover.run,
    "memory": memory.run,
    "query": query.run,
    "log": log.run,
    "fold_instructions": fold_instructions.run,
}

ON_REQUEST: dict[str, Callable[[Scale], list[Row]]] = {"growth": growth.run, "pages": pages.run, "rivals": rivals.run}
"""Run where they are named only: they take long, or need what is not installed otherwise."""
