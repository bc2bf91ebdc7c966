"""Two weeks of an engine, as a log: runs and cleanups at past moments, so that answers can be reckoned by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

HOUR = 3_600_000
DAY = 24 * HOUR
_OTHERS = 40
"""Actions beside those that the questions are about."""


@dataclass
class Story:
    """About `entries` entries up to `now` (epoch ms): half of them starts, half of them ends, and a few cleanups."""

    now: int
    entries: int
    ends: list[dict[str, Any]] = field(default_factory=list)
    """Every end with its entry id, in the order of the log."""
    cleanups: list[dict[str, Any]] = field(default_factory=list)

    def log(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(entry id, operation), oldest first."""
        step = 14 * DAY // (self.entries // 2)
        yield from self._end_of("stuck", "stuck-0", self.now - 14 * DAY - 9, 1000)
        for number in range(self.entries // 2):
            at = self.now - 14 * DAY + number * step
            yield from self._run(at, number)
            if at <= self.now - 3 * DAY < at + step:
                yield from self._end_of("nightly", "nightly-0", at, 1000)
            if number % 1000 == 7:
                yield self._cleanup(at, number)
        yield f"{self.now - 2}-7", self._start("stuck", "stuck-1", self.now - 2 * HOUR)
        yield f"{self.now - 1}-7", self._start("report", "report-now", self.now - 1)

    def _run(self, at: int, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
        action = "deploy" if number % 10 == 0 else f"job-{number % _OTHERS}"
        if action == "deploy":
            duration = (1000 if at >= self.now - 7 * DAY else 3000) + number % 997
        else:
            duration = number % 5000
        run = f"run-{number:07}"
        yield f"{at}-1", self._start(action, run, at)
        failed = number % 50 == 0
        error = f"exit status {1 + number % 3}" if failed else None
        if number == self.entries // 2 - 50 - (self.entries // 2) % 50:
            error = "disk /var/lib/engine is full"
        end = {
            "type": "action_execution_completed",
            "action_id": action,
            "success": not failed,
            "output": f"line of {run}\n" if failed else None,
            "error": error,
            "duration_ms": duration,
            "completed_at": at + duration,
            "execution_id": run,
            "exit_code": 1 if failed else 0,
        }
        entry_id = f"{at}-2"
        self.ends.append(end | {"entry_id": entry_id})
        yield entry_id, end

    def _end_of(self, action: str, run: str, at: int, duration: int) -> Iterator[tuple[str, dict[str, Any]]]:
        end = {
            "type": "action_execution_completed",
            "action_id": action,
            "success": True,
            "duration_ms": duration,
            "completed_at": at,
            "execution_id": run,
        }
        self.ends.append(end | {"entry_id": f"{at}-5"})
        yield f"{at}-5", end

    def _start(self, action: str, run: str, at: int) -> dict[str, Any]:
        return {
            "type": "action_execution_started",
            "action_id": action,
            "source": "cron:deploy" if action == "deploy" else "manual",
            "execution_type": "command",
            "started_at": at,
            "execution_id": run,
            "command": f"make {action}",
            "labels": {"host": "h1", "user": "ada", "cwd": "/srv"},
        }

    def _cleanup(self, at: int, number: int) -> tuple[str, dict[str, Any]]:
        cleanup = {
            "type": "cleanup_executed",
            "scanner_id": "stale-locks",
            "resource_id": "lock:deploy" if number % 2000 == 7 else "lock:other",
            "action": "delete",
            "success": True,
            "executed_at": at,
            "execution_id": f"run-{number:07}",
            "labels": {"host": "h1", "user": "ada"},
        }
        self.cleanups.append(cleanup | {"entry_id": f"{at}-3"})
        return f"{at}-3", cleanup


def op_of(operation: dict[str, Any]) -> bytes:
    return orjson.dumps({name: value for name, value in operation.items() if value is not None})
