"""Everything about one run, one cleanup, or one decision: from the projection, and from the log what only it has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from projector.entry_id import order_of
from projector.keys import Keys
from projector.query.arguments import Span
from projector.query.histogram import Histogram
from projector.query.questions.lists import ALL, asked_executions, cleanups, executions, started
from projector.query.questions.question import Blocking, Question
from projector.query.questions.statistics import action_stats
from projector.query.results import ActionStats, Records
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from projector.search.filter import Filter

if TYPE_CHECKING:
    from projector.search.entry import LogEntry
    from projector.search.lookup import Lookup

Run = ActionExecutionRecord | InFlightRecord

_A_DAY_MS = 86_400_000
"""By which the clocks of a producer and of the server may differ."""
_NEIGHBOURS = 3
"""Runs of the same action before and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is known of one run, one cleanup or one decision.

    `run` is a run, and `state` how it stands: `running`, `presumed dead`, `ok` or `failed`. `operation` has the
    fields of the entry that says so, of the end or else of the start, as the log has them; None where the entry is no
    longer in the log and in no archive that was named. `output` is what the run printed, as far as its producer kept
    it, if its end is there. `p50_duration_ms` and `p95_duration_ms` are usual for its action. `attempts` are the
    other records of the same execution, `siblings` the runs of the action that ended around it, both as far as the
    projection's lists reach, `cleanups` what it cleaned up; each newest first.

    Of a `cleanup`, `run` is the one that did it, if it is known. A decision has an `operation` of the type `state`.
    `namespace` is the one whose log has it; what a run cleaned up may be in another partition.
    """

    kind: Literal["run", "cleanup", "decision"]
    state: str
    run: Run | None = None
    cleanup: CleanupRecord | None = None
    operation: dict[str, Any] | None = None
    output: str | None = None
    p50_duration_ms: int | None = None
    p95_duration_ms: int | None = None
    attempts: list[ActionExecutionRecord] = field(default_factory=list)
    siblings: list[ActionExecutionRecord] = field(default_factory=list)
    cleanups: list[CleanupRecord] = field(default_factory=list)
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the projection of a namespace has: all `runs`, so that of one its latest state comes first, those that are
    `orphans`, and what was `cleaned` up."""

    runs: list[Run]
    orphans: list[InFlightRecord]
    cleaned: Records[CleanupRecord]

    def about(self, entry_id: str) -> Run | CleanupRecord | None:
        """What the entry begins, ends or does."""
        return next((record for record in (*self.runs, *self.cleaned) if record.entry_id == entry_id), None)


@dataclass(frozen=True, slots=True)
class Beside:
    """What is beside a run: the entry of its record, its other attempts, other runs of its action."""

    entry: LogEntry | None
    stats: ActionStats
    histogram: Histogram
    attempts: list[ActionExecutionRecord]
    siblings: list[ActionExecutionRecord]


def known(keys: Keys) -> Question[Known]:
    cleaned = yield from cleanups(keys, ALL)
    ended = yield from runs(keys)
    dead = yield from started(keys.orphans)
    return Known(ended, dead, cleaned)


def runs(keys: Keys) -> Question[list[Run]]:
    """What the projection has, so that of a run its latest state comes first."""
    found: list[Run] = [*(yield from started(keys.in_flight))]
    for success in (None, False):
        found += yield from executions(keys, replace(ALL, where=Filter(success=success)))
    return found + (yield from started(keys.orphans))


def logged(log: Lookup, wanted: str) -> Question[list[Run]]:
    """The runs in the log whose execution ids begin with `wanted`."""
    found: list[Run] = yield Blocking(lambda call: log.runs_like(call, wanted))
    return found


def looked_up(log: Lookup, entry_id: str) -> Question[Run | CleanupRecord | None]:
    """What the entry begins, ends or does, by the log."""
    found: Run | CleanupRecord | None = yield Blocking(lambda call: log.about(call, entry_id))
    return found


def entry_of(log: Lookup, entry_id: str) -> Question[LogEntry | None]:
    found: LogEntry | None = yield Blocking(lambda call: log.entry(call, entry_id))
    return found


def beside(keys: Keys, run: Run, log: Lookup) -> Question[Beside]:
    name = run.execution_id
    stats, histogram = yield from action_stats(keys, run.action_id, failures_only=False)
    of_action = asked_executions(None, ALL.span, action_id=run.action_id, success=None, where=None)
    near = yield from executions(keys, of_action)
    entry = yield from entry_of(log, run.entry_id)
    others = [record for record in near if record.entry_id != run.entry_id]
    attempts = [record for record in others if name is not None and record.execution_id == name]
    around = [record for record in others if record not in attempts]
    later = sum(order_of(record.entry_id) > order_of(run.entry_id) for record in around)
    if later == len(around) and len(others) == len(near) and not near.complete:
        around = []  # between them and the run were others, which the projection has no more
    return Beside(entry, stats, histogram, attempts, around[max(0, later - _NEIGHBOURS) : later + _NEIGHBOURS])


def cleanups_of(keys: Keys, run: Run, cleaned: Records[CleanupRecord], log: Lookup) -> Question[list[CleanupRecord]]:
    """What `run` cleaned up, by the namespace that has `keys`, whose projection has `cleaned`."""
    name, begun = run.execution_id, run.started_at or 0
    if name is not None and not cleaned.complete and begun < (cleaned.since or begun + 1):
        span = Span(max(0, begun - _A_DAY_MS), None, log.archive)
        cleaned = yield from cleanups(keys, replace(ALL, span=span, where=Filter(grep=name)))
    return [record for record in cleaned if name is not None and record.execution_id == name]
