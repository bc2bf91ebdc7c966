"""Every benchmark by its name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.ground.scale import Scale
from tests.benchmarks.ratio import Row
from tests.benchmarks.rows import (
    buffered,
    fold_instructions,
    interference,
    memory,
    producer,
    projection,
    query,
    rebuild,
    server_time,
    spooled,
    takeover,
    visibility,
)

__all__ = ["BENCHMARKS"]

BENCHMARKS: dict[str, Callable[[Scale], list[Row]]] = {
    "projection": projection.run,
    "rebuild": rebuild.run,
    "producer": producer.run,
    "buffered": buffered.run,
    "spooled": spooled.run,
    "visibility": visibility.run,
    "server_time": server_time.run,
    "interference": interference.run,
    "takeover": takeover.run,
    "memory": memory.run,
    "query": query.run,
    "fold_instructions": fold_instructions.run,
}
