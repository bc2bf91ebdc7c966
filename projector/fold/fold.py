"""The rules: what each entry of the log does to the history.

No rule reads a clock, a batch or the order of a hash: the same entries give the same history, however they come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from producer.operations import (
    ActionExecutionCompleted,
    ActionExecutionOrphaned,
    ActionExecutionStarted,
    CleanupExecuted,
    Operation,
    QuarantineDropped,
)
from projector.fold.entry import Entry, quarantined_fields
from projector.fold.history import History
from projector.fold.record import ActionExecutionRecord, CleanupRecord, InFlightRecord, at_entry, to_json
from projector.fold.sequence import DUPLICATE, NEW, Sequence, Verdict
from projector.fold.statistics import ActionStatistics, ScannerStatistics

__all__ = ["execution_key", "fold"]


def execution_key(action_id: str, execution_id: str | None) -> str:
    """What names a run in `in_flight` and `orphans`."""
    return action_id if execution_id is None else f"{action_id}#{execution_id}"


def fold(history: History, entry: Entry) -> None:
    """Bring `history` forward by one entry."""
    checkpoint = history.checkpoint
    checkpoint.entries += 1
    checkpoint.last_id = entry.id

    if entry.by is not None:
        verdict = _judge(history, entry.by, entry)
        if verdict is not NEW:
            if verdict is DUPLICATE:
                checkpoint.duplicates += 1
            else:
                _quarantine(history, entry, "cannot tell whether this is a duplicate")
            return
    operation = entry.operation
    if operation is None:
        assert entry.rejection is not None
        _quarantine(history, entry, entry.rejection)
        return
    if entry.retry_of is not None and not _release(history, entry.retry_of):
        checkpoint.duplicates += 1
        return
    _RULES[type(operation)](history, entry, operation)


def _started(history: History, entry: Entry, operation: ActionExecutionStarted) -> None:
    key = execution_key(operation.action_id, operation.execution_id)
    run = InFlightRecord(
        operation.action_id,
        operation.source,
        operation.execution_type,
        operation.started_at,
        operation.execution_id,
        entry.by,
        operation.heartbeats is True,
        entry.id,
    )
    if history.in_flight.get(key) is not None:
        history.in_flight.put(key, run)
        history.checkpoint.in_flight_replaced += 1
    elif history.in_flight.add(key, run) is not None:
        history.checkpoint.in_flight_evicted += 1


def _completed(history: History, entry: Entry, operation: ActionExecutionCompleted) -> None:
    action_id, totals = operation.action_id, history.totals
    key = execution_key(action_id, operation.execution_id)
    statistics = _action(history, entry, action_id)
    run = history.in_flight.pop(key)
    if run is None:
        run = history.orphans.pop(key)
        if run is not None:  # presumed dead, and came back
            totals.orphaned -= 1
            statistics.orphaned = max(0, statistics.orphaned - 1)  # an evicted action began again at zero
    statistics.complete(operation)
    totals.total_executions += 1
    if operation.success:
        totals.successes += 1
    else:
        totals.failures += 1
    record = ActionExecutionRecord(
        action_id,
        run.source if run else None,
        run.execution_type if run else None,
        operation.success,
        operation.duration_ms,
        operation.error,
        operation.completed_at,
        operation.execution_id,
        run.started_at if run else None,
        entry.by,
        entry.id,
    )
    history.push_execution(action_id, to_json(record), failed=not operation.success)


def _cleaned(history: History, entry: Entry, operation: CleanupExecuted) -> None:
    statistics = history.scanners.touch(operation.scanner_id)
    if statistics is None:
        statistics = ScannerStatistics()
        if history.scanners.add(operation.scanner_id, statistics) is not None:
            history.checkpoint.scanners_evicted += 1
    statistics.clean(operation)
    statistics.last_entry_id = entry.id
    history.totals.cleanups += 1
    if not operation.success:
        history.totals.cleanup_failures += 1
    record = CleanupRecord(
        operation.scanner_id,
        operation.resource_id,
        operation.action,
        operation.success,
        operation.error,
        operation.executed_at,
        entry.by,
        entry.id,
    )
    history.cleanups.append(to_json(record))


def _orphaned(history: History, entry: Entry, operation: ActionExecutionOrphaned) -> None:
    key = execution_key(operation.action_id, operation.execution_id)
    run = history.in_flight.pop(key)
    if run is None:
        return
    if history.orphans.put(key, at_entry(run, entry.id)) is not None:
        history.checkpoint.orphans_evicted += 1
    _action(history, entry, operation.action_id).orphaned += 1
    history.totals.orphaned += 1


def _dropped(history: History, _entry: Entry, operation: QuarantineDropped) -> None:
    _release(history, operation.entry_id)


_RULES: dict[type[Operation], Callable[[History, Entry, Any], None]] = {
    ActionExecutionStarted: _started,
    ActionExecutionCompleted: _completed,
    CleanupExecuted: _cleaned,
    ActionExecutionOrphaned: _orphaned,
    QuarantineDropped: _dropped,
}
"""What each operation does, once it is known to be new."""


def _action(history: History, entry: Entry, action_id: str) -> ActionStatistics:
    """The action's statistics, about to be changed by `entry`; a new one may evict the oldest."""
    statistics = history.actions.touch(action_id)
    if statistics is None:
        statistics = ActionStatistics()
        evicted = history.actions.add(action_id, statistics)
        if evicted is not None:
            history.executions_of.pop(evicted, None)
            history.checkpoint.actions_evicted += 1
    statistics.last_entry_id = entry.id
    return statistics


def _judge(history: History, by: str, entry: Entry) -> Verdict:
    sequence = history.producers.touch(by)
    if sequence is None:
        sequence = Sequence()
        if history.producers.add(by, sequence) is not None:
            history.checkpoint.producers_evicted += 1
    sequence.entry_id = entry.id
    verdict, missing = sequence.judge(entry.seq, entry.acked, history.bounds.max_gaps)
    history.checkpoint.missing += missing
    return verdict


def _quarantine(history: History, entry: Entry, reason: str) -> None:
    history.checkpoint.quarantined += 1
    history.quarantine.add(entry.id, quarantined_fields(reason, entry.fields))  # an id comes once


def _release(history: History, entry_id: str) -> bool:
    """Take an entry out of the quarantine; whether it was there."""
    if history.quarantine.pop(entry_id) is None:
        return False
    history.checkpoint.quarantined -= 1
    return True
