"""What the integration tests ask of a projection: a log to write to by hand, and all that stands in Redis."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import redis

from producer import Producer
from projector.bounds import Bounds
from projector.shadow import Rebuilt, rebuild
from projector.worker.projector import Projector
from tests.support.servers import eventually

SHORT_LEASE = 1.0


def started(action_id: str, execution_id: str | None = None, **more: object) -> str:
    fields: dict[str, object] = {
        "type": "action_execution_started",
        "action_id": action_id,
        "source": "manual",
        "execution_type": "command",
        "started_at": 1_790_000_000_000,
    }
    return json.dumps(fields | ({"execution_id": execution_id} if execution_id else {}) | more)


def completed(action_id: str, success: bool = True, execution_id: str | None = None, **more: object) -> str:
    fields: dict[str, object] = {
        "type": "action_execution_completed",
        "action_id": action_id,
        "success": success,
        "duration_ms": 5,
        "completed_at": 1_790_000_000_005,
    }
    return json.dumps(fields | ({"execution_id": execution_id} if execution_id else {}) | more)


def cleaned(resource_id: str, execution_id: str | None = None, **more: object) -> str:
    fields: dict[str, object] = {
        "type": "cleanup_executed",
        "scanner_id": "locks",
        "resource_id": resource_id,
        "action": "release",
        "success": True,
        "executed_at": 1_790_000_000_003,
    }
    return json.dumps(fields | ({"execution_id": execution_id} if execution_id else {}) | more)


def orphaned(action_id: str, execution_id: str, reason: str, at: int) -> str:
    fields = {"action_id": action_id, "execution_id": execution_id, "reason": reason, "orphaned_at": at}
    return json.dumps({"type": "action_execution_orphaned", **fields})


def resolved(action_id: str, execution_id: str, reason: str, at: int, *, by: str, success: bool = False) -> str:
    fields = {"action_id": action_id, "execution_id": execution_id, "success": success, "reason": reason}
    return json.dumps({"type": "execution_resolved", **fields, "resolved_at": at, "by": by})


def gaps_accepted(producer_id: str, seq: int, reason: str, at: int, *, by: str) -> str:
    fields = {"producer_id": producer_id, "seq": seq, "accepted_at": at, "by": by, "reason": reason}
    return json.dumps({"type": "gaps_accepted", **fields})


class Log:
    """A namespace on a server: its log, written by hand, and its projection, read key by key."""

    def __init__(self, client: redis.Redis, url: str, namespace: str, bounds: Bounds | None = None) -> None:
        self.client = client
        self.url = url
        self.namespace = namespace
        self.bounds = bounds

    def key(self, name: str) -> str:
        return f"{{{self.namespace}}}:{name}"

    def add(self, op: str | bytes, *more: str | bytes | int, entry_id: str = "*") -> str:
        entry: bytes = self.client.execute_command("XADD", self.key("wal"), entry_id, "op", op, *more)
        return entry.decode()

    def add_completions(self, count: int, action_id: str = "a") -> None:
        pipeline = self.client.pipeline(transaction=False)
        for _ in range(count):
            pipeline.execute_command("XADD", self.key("wal"), "*", "op", completed(action_id))
        pipeline.execute()

    def projector(self, **options: Any) -> Projector:
        return Projector(self.url, self.namespace, bounds=self.bounds, **{"lease_ttl": SHORT_LEASE, **options})

    def producer(self) -> Producer:
        return Producer(self.url, self.namespace)

    def rebuild(self) -> Rebuilt:
        return rebuild(self.client, self.namespace)

    def drain(self) -> int:
        return self.projector().drain()

    def checkpoint(self, name: str) -> str:
        value: Any = self.client.hget(self.key("checkpoint"), name)
        return value.decode() if value is not None else ""

    def entries(self) -> int:
        return int(self.checkpoint("entries") or 0)

    def totals(self) -> dict[str, int]:
        found: Any = self.client.hgetall(self.key("totals"))
        return {name.decode(): int(value) for name, value in found.items()}

    def records(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(record) for record in self.client.lrange(self.key(name), 0, -1)]

    def wait_for_entries(self, count: int) -> None:
        eventually(lambda: self.entries() >= count, what=f"{count} entries projected, found {self.entries()}")

    def quarantine(self) -> list[tuple[str, dict[bytes, bytes]]]:
        found: Any = self.client.xrange(self.key("quarantine"))
        return [(entry_id.decode(), fields) for entry_id, fields in found]

    def projection(self) -> dict[str, Any]:
        """Every key of the projection with its content; neither the log nor the lease nor signs of life."""
        found: dict[str, Any] = {}
        for key in sorted(self.client.scan_iter(match=f"{{{self.namespace}}}:*", count=1000)):
            name = key.decode()
            if name not in (self.key("wal"), self.key("lease")) and not name.startswith(self.key("heartbeat:")):
                found[name] = self._content(key)
        return found

    def _content(self, key: bytes) -> Any:
        match self.client.type(key):
            case b"hash":
                return self.client.hgetall(key)
            case b"list":
                return self.client.lrange(key, 0, -1)
            case b"zset":
                scores: Any = self.client.zrange(key, 0, -1, withscores=True)
                return dict(scores)
            case b"stream":
                return self.client.xrange(key)
        return self.client.get(key)

    def replayed(self, entries: Iterable[tuple[str | bytes, list[Any]]] | None = None) -> dict[str, Any]:
        """The projection of the same log folded from its beginning in another namespace, its keys renamed.

        `entries` are the log's, where it was trimmed. A rebuild folds them, for a projector would miss what is lost.
        """
        copy = Log(self.client, self.url, f"{self.namespace}-copy", self.bounds)
        for entry_id, fields in entries or raw_entries(self.client, self.key("wal")):
            self.client.execute_command("XADD", copy.key("wal"), entry_id, *fields)
        rebuild(copy.client, copy.namespace, changes=asdict(self.bounds) if self.bounds else None)
        renamed = {
            name.replace(f"{{{copy.namespace}}}", f"{{{self.namespace}}}"): content
            for name, content in copy.projection().items()
        }
        for key in self.client.scan_iter(match=f"{{{copy.namespace}}}:*", count=1000):
            self.client.delete(key)
        return renamed


def raw_entries(client: redis.Redis, key: str, first: str = "-") -> Iterable[tuple[bytes, list[bytes]]]:
    """The entries with their fields in order, repeated ones included."""
    connection = client.connection_pool.get_connection()
    try:
        connection.send_command("XRANGE", key, first, "+")
        yield from connection.read_response()
    finally:
        client.connection_pool.release(connection)


def fill(log: Log, *, actions: int = 7) -> None:
    """Something under every key of a projection."""
    for number in range(30):
        log.add(started(f"a{number % actions}", f"run-{number}"))
        if number % 3:
            log.add(completed(f"a{number % actions}", number % 2 == 0, f"run-{number}", error="broken"))
    log.add(
        '{"type":"action_execution_orphaned","action_id":"a0","execution_id":"run-0","reason":"gone","orphaned_at":1}'
    )
    log.add(
        '{"type":"cleanup_executed","scanner_id":"s","resource_id":"r","action":"delete","success":false,"executed_at":1}'
    )
    log.add("garbage", "by", "p", "seq", "5")
    log.add(completed("a1"), "by", "p", "seq", "9", "acked", "2")
    log.add(completed("a1"), "by", "p", "seq", "9", "acked", "2")
