"""Runs whose producer may fall silent: their starts and heartbeats written by hand, and who was presumed dead."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from projector.worker.projector import Projector
from tests.support.projecting import running
from tests.support.projection import Log, started
from tests.support.servers import eventually

HEARTBEAT = 0.6
"""Seconds that a heartbeat lives here."""
BY = "host:1:ab"


def begin(log: Log, run: str = "r1", *, by: str = BY, seq: int = 1, **more: object) -> str:
    """A start as a producer that beats writes it; it does not beat here."""
    return log.add(started("a", run, **{"heartbeats": True, **more}), "by", by, "seq", seq)


def beat(log: Log, by: str = BY, *, seconds: float = 3600) -> None:
    log.client.set(log.key(f"heartbeat:{by}"), "1", px=int(seconds * 1000))


def orphaned(log: Log) -> list[dict[str, Any]]:
    """What the log has of runs presumed dead, in order."""
    entries: Any = log.client.xrange(log.key("wal"))
    operations = [json.loads(fields[b"op"]) for _, fields in entries]
    return [operation for operation in operations if operation["type"] == "action_execution_orphaned"]


def wait_for_orphans(log: Log, count: int = 1) -> None:
    eventually(lambda: log.client.hlen(log.key("orphans")) == count, what=f"{count} presumed dead")


@contextmanager
def looked_at_again(log: Log, projector: Projector) -> Iterator[None]:
    """The block's end comes when a run of another producer, begun and silent from here on, was presumed dead.

    So whatever else was to be presumed dead by then, has been.
    """
    with running(projector):
        yield
        witness = f"witness-{time.monotonic_ns()}"
        begin(log, witness, by=witness)
        eventually(lambda: log.client.hexists(log.key("orphans"), f"a#{witness}"), what="the witness presumed dead")
