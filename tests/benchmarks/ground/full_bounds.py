"""Full bounds: the log that brings every table of a projection to its bound, and the batches that come then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import orjson

from projector.bounds import Bounds
from tests.benchmarks.ground.workload import Fields

__all__ = ["FullBounds"]

_BOUNDS = Bounds()
_AT = 1_790_000_000_000
_RUNS = 50
"""As many runs a batch of known names starts and ends; `in_flight` has room for these and no more."""
_CLEANUPS = 25
_REASON = "silent for 60 s"


class FullBounds:
    """Writes the log, and the batches after it; keeps each producer's numbers in order. Names have 256 bytes."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()

    def log(self) -> Iterator[Fields]:
        """70 000 entries, with the default bounds."""
        for number in range(_BOUNDS.max_in_flight):
            yield self._entry(_producer(number), _started(_name("orphan", number)))
            yield self._entry(_producer(number), _orphaned(_name("orphan", number)))
        for number in range(_BOUNDS.max_in_flight - _RUNS):
            yield self._entry(_producer(number), _started(_name("open", number)))
        for number in range(_BOUNDS.max_actions):
            yield self._entry(_producer(number), _completed(_name("action", number)))
        for number in range(_BOUNDS.max_scanners):
            yield self._entry(_producer(number), _cleaned(_name("scanner", number)))
        for number in range(_BOUNDS.max_quarantine):
            yield self._entry(_producer(number), {})

    def known_names(self, turn: int) -> Iterator[Fields]:
        """100 entries of actions and producers that the projection has: none has to make room."""
        for number in range(_RUNS):
            run = f"known-{turn}-{number}"
            yield self._entry(_producer(number), _started(_name("action", number), run))
            yield self._entry(_producer(number), _completed(_name("action", number), run))

    def new_names(self, turn: int) -> Iterator[Fields]:
        """100 entries of actions, runs, scanners and producers never seen: in each table the oldest have to go."""
        for number in range(100 - _CLEANUPS):
            name = _name(f"new-{turn}", number)
            yield self._entry(name, _completed(name, name))
        for number in range(_CLEANUPS):
            yield self._entry(_name(f"cleaning-{turn}", number), _cleaned(_name(f"new-{turn}", number)))

    def churn(self, turn: int, count: int) -> Iterator[Fields]:
        """Entries of which each completes a new action, by a new producer: each pushes out the oldest of both."""
        for number in range(count):
            name = _name(f"churn-{turn}", number)
            yield self._entry(name, _completed(name, name))

    def _entry(self, by: str, operation: dict[str, object]) -> Fields:
        self._numbers[by] += 1
        raw = orjson.dumps(operation)
        return [b"op", raw, b"by", by.encode(), b"seq", b"%d" % self._numbers[by], b"acked", b"0"]


def _name(kind: str, number: int) -> str:
    return f"{kind}-{number}-".ljust(256, "x")


def _producer(number: int) -> str:
    return _name("producer", number % _BOUNDS.max_producers)


def _started(action_id: str, execution_id: str = "1") -> dict[str, object]:
    return {
        "type": "action_execution_started",
        "action_id": action_id,
        "source": "cron:nightly",
        "execution_type": "command",
        "started_at": _AT,
        "execution_id": execution_id,
    }


def _completed(action_id: str, execution_id: str = "1") -> dict[str, object]:
    return {
        "type": "action_execution_completed",
        "action_id": action_id,
        "success": True,
        "duration_ms": 5,
        "completed_at": _AT,
        "execution_id": execution_id,
    }


def _orphaned(action_id: str) -> dict[str, object]:
    return {
        "type": "action_execution_orphaned",
        "action_id": action_id,
        "execution_id": "1",
        "reason": _REASON,
        "orphaned_at": _AT,
    }


def _cleaned(scanner_id: str) -> dict[str, object]:
    return {
        "type": "cleanup_executed",
        "scanner_id": scanner_id,
        "resource_id": "lock:deploy",
        "action": "release",
        "success": True,
        "executed_at": _AT,
    }
