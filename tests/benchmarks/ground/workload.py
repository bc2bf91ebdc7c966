"""What is recorded: the same entries for everybody, from a seed.

Starts and completions of runs that overlap, by several producers with sequence numbers; log-normal durations, one run
in ten a failure with its error, outputs of 200 bytes in lines. Nothing here is sent anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

import orjson

from projector.bounds import Bounds

__all__ = ["ACTIONS_50", "ACTIONS_5000", "CLEANUPS", "FULL_BOUNDS", "SETTLED", "WORKLOADS", "Fields", "Workload"]

Fields = list[bytes]
"""An entry's names and values, alternately, as XADD takes them."""

_SEED = 20_260_101
_FIRST_AT = 1_790_000_000_000
_PRODUCERS = tuple(f"host-{number}:{4000 + number}:{number:032x}" for number in range(4))
_ACKED_BEHIND = 1000
"""How far `acked` is behind `seq`: our producer claims what was acknowledged a while ago."""
_ERRORS = (
    "connection refused: 10.0.0.7:5432",
    "TimeoutError: no answer within 30 s from https://deploy.example/api/v2/releases",
    "exit status 3",
    'KeyError: "release"\n  in deploy.py, line 214',
)
_OUTPUT = ("copied 4096 objects, 12 skipped, 0 failed in 3.2 s\n" * 4)[:200]
_CLEANUP_ACTIONS = ("delete", "release", "archive", "fail", "dead_letter")
_SCANNERS = 20


class _Run(NamedTuple):
    action_id: str
    execution_id: str
    by: int


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of log. `open_runs` of its runs are always under way; `cleanup_every` entries one is a cleanup.

    `longest_ms` and `shortest_ms` cut the durations off, where all buckets of a histogram are to be reached soon.
    """

    name: str
    actions: int
    name_bytes: int = 0
    open_runs: int = 20
    cleanup_every: int = 0
    shortest_ms: int = 1
    longest_ms: int = 3_600_000

    def entries(self, count: int) -> Iterator[Fields]:
        """The first `count` entries; always the same."""
        return _Recording(self).entries(count)

    def action_id(self, number: int) -> str:
        return f"action-{number:05}".ljust(self.name_bytes, "x")


ACTIONS_50 = Workload("50 actions", actions=50)
ACTIONS_5000 = Workload("5000 actions", actions=5000)
CLEANUPS = replace(ACTIONS_50, name="with cleanups", cleanup_every=4)
FULL_BOUNDS = Workload(
    "full bounds", actions=Bounds().max_actions, name_bytes=256, open_runs=Bounds().max_in_flight - 1
)
SETTLED = Workload("bounds reached", actions=10, shortest_ms=200, longest_ms=1500)
"""For what must not grow: few actions and short-tailed durations, so that lists and histograms fill up early."""

WORKLOADS = (ACTIONS_50, ACTIONS_5000, CLEANUPS, FULL_BOUNDS)
"""Those that the projection is measured with."""


class _Recording:
    """One pass over a workload: what is under way, and each producer's latest number."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._random = Random(_SEED)
        self._names = [workload.action_id(number) for number in range(workload.actions)]
        self._open: list[_Run] = []
        self._started = 0
        self._numbers = [0] * len(_PRODUCERS)

    def entries(self, count: int) -> Iterator[Fields]:
        every = self._workload.cleanup_every
        for at in range(count):
            if every and at % every == every - 1:
                yield self._cleanup(_FIRST_AT + at)
            elif len(self._open) <= self._workload.open_runs:
                yield self._start(_FIRST_AT + at)
            else:
                yield self._completion(_FIRST_AT + at)

    def _start(self, at: int) -> Fields:
        self._started += 1
        run = _Run(
            self._names[int(self._random.random() * len(self._names))],
            f"{self._started:08x}-{_SEED:08x}",
            self._started % len(_PRODUCERS),
        )
        self._open.append(run)
        return self._entry(
            run.by,
            {
                "type": "action_execution_started",
                "action_id": run.action_id,
                "source": "cron:nightly",
                "execution_type": "command",
                "started_at": at,
                "execution_id": run.execution_id,
            },
        )

    def _completion(self, at: int) -> Fields:
        random = self._random
        runs = self._open
        chosen = int(random.random() * len(runs))
        runs[chosen], runs[-1] = runs[-1], runs[chosen]
        run = runs.pop()
        failed = random.random() < 0.1
        operation = {
            "type": "action_execution_completed",
            "action_id": run.action_id,
            "success": not failed,
            "output": _OUTPUT,
            "error": random.choice(_ERRORS),
            "duration_ms": self._duration(),
            "completed_at": at,
            "execution_id": run.execution_id,
        }
        if not failed:
            del operation["error"]
        return self._entry(run.by, operation)

    def _duration(self) -> int:
        drawn = int(self._random.lognormvariate(6.0, 1.0))  # half of them above 400 ms
        shortest, longest = self._workload.shortest_ms, self._workload.longest_ms
        if shortest <= drawn <= longest:
            return drawn
        return self._random.randint(shortest, min(longest, 2 * shortest))

    def _cleanup(self, at: int) -> Fields:
        random = self._random
        failed = random.random() < 0.1
        operation = {
            "type": "cleanup_executed",
            "scanner_id": f"scanner-{random.randrange(_SCANNERS):02}",
            "resource_id": f"worktree:/srv/checkouts/{at:x}",
            "action": random.choice(_CLEANUP_ACTIONS),
            "success": not failed,
            "error": random.choice(_ERRORS),
            "executed_at": at,
        }
        if not failed:
            del operation["error"]
        return self._entry(at % len(_PRODUCERS), operation)

    def _entry(self, producer: int, operation: dict[str, object]) -> Fields:
        self._numbers[producer] += 1
        seq = self._numbers[producer]
        acked = max(0, seq - _ACKED_BEHIND)
        raw = orjson.dumps(operation)
        return [b"op", raw, b"by", _PRODUCERS[producer].encode(), b"seq", b"%d" % seq, b"acked", b"%d" % acked]
