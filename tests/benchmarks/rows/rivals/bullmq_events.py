"""A listener by BullMQ's QueueEvents, in Node, over the events that BullMQ's own scripts would have written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.ground.site import Site
from tests.benchmarks.ground.workload import ACTIONS_50, Fields
from tests.benchmarks.ratio import Row
from tests.benchmarks.rows.rivals.consumer import beside_ours, is_start
from tests.benchmarks.scale import Scale

__all__ = ["INSTALL", "run", "version"]

INSTALL = "with Node: npm install --prefix DIR bullmq ioredis, and then NODE_PATH=DIR/node_modules"
_QUEUE = "rival"
_PROGRAM = Path(__file__).with_name("bullmq_events.cjs")
_LACKS = (
    "the action's name is in the job's id, because the events lack it. Writes do not wait for those before; where it "
    "stands is kept nowhere, so that a restart repeats or skips"
)


def version() -> str | None:
    """BullMQ's, where Node finds it."""
    if shutil.which("node") is None:
        return None
    asked = ["node", "-p", "require('bullmq/package.json').version"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def run(scale: Scale) -> list[Row]:
    return [beside_ours(f"BullMQ {version()}", _LACKS, _per_second, scale)]


def _per_second(here: Site, few: int) -> float:
    _fill(here, few)
    command = ["node", str(_PROGRAM), here.url, _QUEUE, str(few)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return few / float(done.stdout)


def _fill(here: Site, few: int) -> None:
    """The queue's events, as many as the log's first entries tell of."""
    key = f"bull:{_QUEUE}:events"
    here.client.delete(key)
    with here.client.pipeline(transaction=False) as pipeline:
        for fields in ACTIONS_50.entries(few):
            pipeline.xadd(key, _event(fields))
        pipeline.execute()


def _event(fields: Fields) -> dict[Any, Any]:
    """As BullMQ's moveToActive and moveToFinished write it."""
    operation = orjson.loads(fields[1])
    job = f"{operation['action_id']}~{operation['execution_id']}"
    if is_start(operation):
        return {"event": "active", "jobId": job, "prev": "waiting"}
    if operation["success"]:
        output = orjson.dumps(operation["output"])
        return {"event": "completed", "jobId": job, "returnvalue": output, "prev": "active"}
    return {"event": "failed", "jobId": job, "failedReason": operation["error"], "prev": "active"}
