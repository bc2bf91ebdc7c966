"""What only the log has of a run: its output, and all of it once the lists of the projection have let go of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any

from producer.log import Call, Entry, Log
from producer.operations import (
    ActionExecutionCompleted,
    ActionExecutionOrphaned,
    ActionExecutionStarted,
    CleanupExecuted,
    ExecutionResolved,
)
from projector.archive.archive import Archive
from projector.fold.entry import Entry as Read
from projector.fold.record import as_dataclass, record_of_cleanup, record_of_end, run_of_start
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord, of_namespace
from projector.search.entry import LogEntry, log_entry_of
from projector.search.filter import Filter
from projector.search.scan import Scan
from projector.search.walk import extent_of
from projector.trail import Trail

Run = ActionExecutionRecord | InFlightRecord

_PAGE = 5000
_MOST = 100
"""Runs, of which none has just the id that was asked for, after which a search ends."""
_OF_RUNS = (ActionExecutionStarted, ActionExecutionCompleted, ActionExecutionOrphaned, ExecutionResolved)


class Lookup:
    """Looks into the log of `namespace`, and into the archive at `archive` if one is named; `progress` is told how
    many entries were looked at, and how many there are. The first argument of each method sends a command.

    Methods raise what `Trail` and `extent_of` raise.
    """

    def __init__(self, namespace: str, archive: str | None, progress: Callable[[int, int], None] | None) -> None:
        self._namespace = namespace
        self.archive = archive
        self._progress = progress

    def entry(self, call: Call, entry_id: str) -> LogEntry | None:
        """One entry; None where it is not there."""
        fields = self._trail(call).entry(entry_id)
        if fields is None:
            return None
        (read,) = Scan(Filter()).of_page([(entry_id.encode(), fields)])
        return log_entry_of(read, self._namespace)

    def runs_like(self, call: Call, beginning: str) -> list[Run]:
        """The runs whose execution id begins so, the latest first, until the start of the one with just that id."""
        found: dict[tuple[str, str], list[Read]] = {}
        for read in self._backwards(call, "", grep=beginning):
            operation = read.operation
            if isinstance(operation, _OF_RUNS) and (name := operation.execution_id or "").startswith(beginning):
                found.setdefault((operation.action_id, name), []).append(read)
                whole = name == beginning and isinstance(operation, ActionExecutionStarted)
                # Of a run that was given up the start is needed, too, which comes later.
                if whole or (len(found) > _MOST and sum(map(bool, map(self._run_of, found.values()))) > _MOST):
                    break
        return [run for reads in found.values() if (run := self._run_of(reads)) is not None]

    def about(self, call: Call, entry_id: str) -> Run | CleanupRecord | None:
        """What the entry begins, ends or does: a run is searched for its other end. None if it is of neither kind."""
        fields = self._trail(call).entry(entry_id) or []
        (read,) = Scan(Filter()).of_page([(entry_id.encode(), fields)])
        operation = read.operation
        if isinstance(operation, CleanupExecuted):
            return of_namespace(as_dataclass(CleanupRecord, record_of_cleanup(read, operation)), self._namespace)
        if not isinstance(operation, _OF_RUNS):
            return None
        began = isinstance(operation, ActionExecutionStarted)
        search = self._onwards if began else self._backwards
        beside: list[Read] = []
        for other in search(call, entry_id, grep=operation.execution_id or operation.action_id):
            if not isinstance(other.operation, _OF_RUNS) or _name_of(other.operation) != _name_of(operation):
                continue
            if isinstance(other.operation, ActionExecutionOrphaned):
                beside = [other] if began else []  # the latest word, unless an end comes
            elif isinstance(other.operation, ActionExecutionStarted) == began:
                break  # another run under the same name
            else:
                beside = [other]
                break
        return self._run_of([*beside, read] if began else [read, *beside])

    def actions_of(self, call: Call, execution_ids: Set[str], *, before: str) -> dict[str | None, str]:
        """The actions of runs that started before the entry `before`, by execution id."""
        found: dict[str | None, str] = {}
        for read in self._backwards(call, before, type="started"):
            action_id, execution_id = _name_of(read.operation)
            if execution_id in execution_ids:
                found.setdefault(execution_id, action_id)
                if len(found) == len(execution_ids):
                    break
        return found

    def _backwards(self, call: Call, before: str, **where: Any) -> Iterator[Read]:
        trail = self._trail(call)
        return self._searched(call, lambda at: trail.before(at, _PAGE), before, Filter(**where))

    def _onwards(self, call: Call, after: str, **where: Any) -> Iterator[Read]:
        trail = self._trail(call)
        return self._searched(call, lambda at: trail.after(at, _PAGE), after, Filter(**where))

    def _searched(self, call: Call, page_at: Callable[[str], list[Entry]], at: str, where: Filter) -> Iterator[Read]:
        log = Log(call, self._namespace)
        extent_of(log, self._opened())  # refuses an archive that has nothing of this log
        facts = log.facts()
        there = (facts.length + (facts.gone if self.archive else 0)) if facts else 0
        scan, done = Scan(where), 0
        while page := page_at(at):
            at, done = page[-1][0].decode(), done + len(page)
            if self._progress:
                self._progress(done, there)
            yield from scan.of_page(page)

    def _run_of(self, reads: list[Read]) -> Run | None:
        run = _run_of(reads)
        return None if run is None else of_namespace(run, self._namespace)

    def _trail(self, call: Call) -> Trail:
        return Trail(Log(call, self._namespace), self._opened())

    def _opened(self) -> Archive | None:
        return Archive.at(self.archive, self._namespace) if self.archive else None


def _run_of(reads: list[Read]) -> Run | None:
    """Of the entries of one run, the latest first, as the fold would have it; None if its start is not among them,
    and it has no end of its own."""
    starts = ((read, read.operation) for read in reads if isinstance(read.operation, ActionExecutionStarted))
    run = next((run_of_start(*start) for start in starts), None)
    if (record := record_of_end(reads[0], run)) is not None:
        return record
    return None if run is None else as_dataclass(InFlightRecord, run)


def _name_of(operation: Any) -> tuple[str, str | None]:
    return operation.action_id, operation.execution_id
