"""The projection as it stands in Redis, read raw, with the names of the contract."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import redis

__all__ = ["StandingProjection"]


class StandingProjection:
    """What the checker compares: every count and every list, as Redis holds them now. Nobody may be writing."""

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self._client = client
        self._prefix = f"{{{namespace}}}:"
        self.checkpoint = self._hash("checkpoint")
        self.totals = self._hash("totals")
        self.actions = {name: self._hash(f"action:{name}") for name in self._members("actions")}
        self.scanners = {name: self._hash(f"scanner:{name}") for name in self._members("scanners")}
        self.executions = self._entry_ids("executions")
        self.failures = self._entry_ids("failures")
        self.cleanups = self._entry_ids("cleanups")
        self.executions_of = {name: self._entry_ids(f"executions:{name}") for name in self.actions}
        self.measured = {name: self._sum(f"durations:{name}") for name in self.actions}
        self.in_flight = {key: json.loads(record)["entry_id"] for key, record in self._hash("in_flight").items()}
        self.missing = {by: _numbers(json.loads(record)["gaps"]) for by, record in self._hash("producers").items()}
        quarantine: Any = client.xrange(self._prefix + "quarantine")
        self.quarantined = [entry_id.decode() for entry_id, _ in quarantine]

    def _hash(self, name: str) -> dict[str, str]:
        found: Any = self._client.hgetall(self._prefix + name)
        return {field.decode(): value.decode() for field, value in found.items()}

    def _members(self, name: str) -> list[str]:
        found: Any = self._client.zrange(self._prefix + name, 0, -1)
        return [member.decode() for member in found]

    def _entry_ids(self, name: str) -> list[str]:
        found: Any = self._client.lrange(self._prefix + name, 0, -1)
        return [json.loads(record)["entry_id"] for record in found]

    def _sum(self, name: str) -> int:
        return sum(int(count) for count in self._hash(name).values())


def _numbers(ranges: Iterable[list[int]]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}
