"""Everything about one run, one cleanup, or one decision: from the projection, and from the log what only it has."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from projector.entry_id import order_of
from projector.errors import ProjectorError, command_for
from projector.keys import Keys
from projector.query.arguments import Span, checked_name
from projector.query.naming import named, said
from projector.query.questions.lists import cleanups, executions, started
from projector.query.questions.question import Blocking, Question
from projector.query.questions.statistics import action_stats
from projector.query.results import Records
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from projector.search.filter import Filter

if TYPE_CHECKING:
    from projector.search.entry import LogEntry
    from projector.search.lookup import Lookup

Run = ActionExecutionRecord | InFlightRecord

_is_entry_id = re.compile(r"[0-9]{1,20}-[0-9]{1,20}").fullmatch
_ALL = Span(None, None, None)
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


def show(
    keys: Keys, wanted: str, archive: str | None, progress: Callable[[int, int], None] | None
) -> Question[Shown]:
    """By the entry id, the execution id, or the beginning of one. Raises ProjectorError, which says what there is,
    for an id that names nothing or several."""
    from projector.search.lookup import Lookup  # loads the fold's rules, which few readers need

    checked_name("id", wanted)
    log = Lookup(keys.namespace, archive, progress)
    cleaned = yield from cleanups(keys, None, _ALL, scanner_id=None, where=None)
    known = yield from runs(keys)
    if not _is_entry_id(wanted):
        run = named(wanted, known) or named(wanted, (yield Blocking(lambda call: log.runs_like(call, wanted))))
        if run is None:
            raise ProjectorError(f"no run {said(wanted)} is in the log of namespace {keys.namespace}{_archived(log)}")
        return (yield from _run(keys, run, cleaned, log))
    about = next((record for record in (*known, *cleaned) if record.entry_id == wanted), None)
    entry: LogEntry | None = yield Blocking(lambda call: log.entry(call, wanted))
    if about is None:
        if entry is None:
            raise ProjectorError(f"no entry {wanted} is in the log of namespace {keys.namespace}{_archived(log)}")
        if entry.rejection:
            kept = command_for(keys.namespace, f"quarantine show {wanted}")
            raise ProjectorError(f"entry {wanted} cannot be read: {entry.rejection}; what it has: {kept}")
        about = yield Blocking(lambda call: log.about(call, wanted))
        if about is None:
            return Shown(kind="decision", state=str(entry.type), operation=entry.operation)
    if isinstance(about, CleanupRecord):
        return (yield from _cleanup(about, known, log, entry))
    return (yield from _run(keys, about, cleaned, log))


def runs(keys: Keys) -> Question[list[Run]]:
    """What the projection has, so that of a run its latest state comes first."""
    found: list[Run] = [*(yield from started(keys.in_flight))]
    for success in (None, False):
        found += yield from executions(keys, None, _ALL, action_id=None, success=success, where=None)
    return found + (yield from started(keys.orphans))


def _run(keys: Keys, run: Run, cleaned: Records[CleanupRecord], log: Lookup) -> Question[Shown]:
    name = run.execution_id
    stats = yield from action_stats(keys, run.action_id)
    near = yield from executions(keys, None, _ALL, action_id=run.action_id, success=None, where=None)
    entry: LogEntry | None = yield Blocking(lambda call: log.entry(call, run.entry_id))
    others = [record for record in near if record.entry_id != run.entry_id]
    attempts = [record for record in others if name is not None and record.execution_id == name]
    around = [record for record in others if record not in attempts]
    later = sum(order_of(record.entry_id) > order_of(run.entry_id) for record in around)
    if later == len(around) and len(others) == len(near) and not near.complete:
        around = []  # between them and the run were others, which the projection has no more
    done = [record for record in cleaned if name is not None and record.execution_id == name]
    begun = run.started_at or 0
    if name is not None and not cleaned.complete and begun < (cleaned.since or begun + 1):
        span = Span(max(0, begun - _A_DAY_MS), None, log.archive)
        found = yield from cleanups(keys, None, span, scanner_id=None, where=Filter(grep=name))
        done = [record for record in found if record.execution_id == name]
    operation = entry.operation if entry else None
    return Shown(
        kind="run",
        state="presumed dead" if run in (yield from started(keys.orphans)) else _state(run),
        run=run,
        operation=operation,
        output=(operation or {}).get("output"),
        p50_duration_ms=stats.p50_duration_ms,
        p95_duration_ms=stats.p95_duration_ms,
        attempts=attempts,
        siblings=around[max(0, later - _NEIGHBOURS) : later + _NEIGHBOURS],
        cleanups=done,
    )


def _cleanup(cleanup: CleanupRecord, known: list[Run], log: Lookup, entry: LogEntry | None) -> Question[Shown]:
    run = None
    if wanted := cleanup.execution_id:
        run = next((run for run in known if run.execution_id == wanted), None)
        if run is None:
            logged: list[Run] = yield Blocking(lambda call: log.runs_like(call, wanted))
            run = next((run for run in logged if run.execution_id == wanted), None)
    state = "ok" if cleanup.success else "failed"
    return Shown(kind="cleanup", state=state, cleanup=cleanup, run=run, operation=entry.operation if entry else None)


def _state(run: Run) -> str:
    if isinstance(run, InFlightRecord):
        return "running"
    return "presumed dead" if run.orphaned else "ok" if run.success else "failed"


def _archived(log: Lookup) -> str:
    return " nor in the archive" if log.archive else "; if it was archived: --archive WHERE"
