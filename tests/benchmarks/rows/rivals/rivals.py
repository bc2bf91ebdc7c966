"""Every rival beside ours: those of Python's are in the dependency group `rivals`, BullMQ is Node's."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from tests.benchmarks.ratio import Row
from tests.benchmarks.rows.rivals import bullmq_events
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_GROUP = "pip install --group rivals"


def run(scale: Scale) -> list[Row]:
    """For comparison only, and without those that are not installed, of which it tells on stderr."""
    rows: list[Row] = []
    if _is_there("Celery", find_spec("celery") is not None, _GROUP):
        from tests.benchmarks.rows.rivals import celery_state

        rows += celery_state.run(scale)
    if _is_there("FastStream", find_spec("faststream") is not None, _GROUP):
        from tests.benchmarks.rows.rivals import faststream_consumer

        rows += faststream_consumer.run(scale)
    if _is_there("BullMQ", bullmq_events.version() is not None, bullmq_events.INSTALL):
        rows += bullmq_events.run(scale)
    return rows


def _is_there(name: str, is_installed: bool, how: str) -> bool:
    if not is_installed:
        print(f"rivals: {name} is left out, because it is not installed; {how}", file=sys.stderr)
    return is_installed
