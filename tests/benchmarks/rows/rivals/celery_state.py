"""Celery's `State`, the fold in memory that Flower relies on, beside ours: both from JSON, without a server."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from time import perf_counter
from typing import Any

import orjson
from celery.events.state import State
from kombu.utils.json import loads

from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.workload import ACTIONS_50, Fields
from tests.benchmarks.ratio import Rounds, Row
from tests.benchmarks.rows.projecting.fold_instructions import fold_all
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_NOTE = (
    "ours includes the plan of each commit. State keeps the latest 10 000 tasks in memory and nothing else: no "
    "totals, no durations by action, nothing of an event that came twice or never; a restart begins with nothing"
)


def run(scale: Scale) -> list[Row]:
    rounds = Rounds(scale.rounds)
    rounds.measure("ours", lambda: in_own_process(_ours, scale.entries))
    rounds.measure("theirs", lambda: in_own_process(_theirs, scale.entries))
    figures = rounds.run()
    baseline = f"Celery {version('celery')}: State.event, kombu {version('kombu')}"
    return [Row("rivals", "the fold alone", baseline, "µs/entry", figures["ours"], figures["theirs"], note=_NOTE)]


def _ours(count: int) -> float:
    entries = list(ACTIONS_50.entries(count))
    begun = perf_counter()
    fold_all(entries)
    return (perf_counter() - begun) / count * 1e6


def _theirs(count: int) -> float:
    events = [orjson.dumps(_event(fields, clock)) for clock, fields in enumerate(ACTIONS_50.entries(count), 1)]
    state = State()
    decode: Callable[[bytes], Any] = loads
    begun = perf_counter()
    for event in events:
        state.event(decode(event))
    seconds = perf_counter() - begun
    if state.event_count != count:
        raise RuntimeError(f"expected {count} events in the state, found {state.event_count}")
    return seconds / count * 1e6


def _event(fields: Fields, clock: int) -> dict[str, Any]:
    """The operation as a worker of Celery's tells of it; the name is in the start, to spare a `task-received`."""
    operation, by = orjson.loads(fields[1]), fields[3].decode()
    at = operation.get("started_at", operation.get("completed_at")) / 1000
    event = {"uuid": operation["execution_id"], "hostname": by, "clock": clock, "timestamp": at, "local_received": at}
    if operation["type"] == "action_execution_started":
        return event | {"type": "task-started", "name": operation["action_id"]}
    if operation["success"]:
        took = operation["duration_ms"] / 1000
        return event | {"type": "task-succeeded", "result": operation["output"], "runtime": took}
    return event | {"type": "task-failed", "exception": operation["error"], "traceback": operation["output"]}
