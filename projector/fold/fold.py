"""The rules: what each entry of the log does to the history, and which rows each rule may ask for.

No rule reads a clock, a batch or the order of a hash: the same entries give the same history, however they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

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

UNDECIDABLE = "cannot tell whether this is a duplicate"
"""The quarantine's reason for an entry whose operation is good, and may have counted already."""


def execution_key(action_id: str, execution_id: str | None) -> str:
    """The name of a run in `in_flight` and `orphans`."""
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
                _quarantine(history, entry, UNDECIDABLE)
            return
    operation = entry.operation
    if operation is None:
        assert entry.rejection is not None
        _quarantine(history, entry, entry.rejection)
        return
    if entry.retry_of is not None and not _release(history, entry.retry_of):
        checkpoint.duplicates += 1
        return
    RULES[type(operation)].apply(history, entry, operation)


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
    else:
        history.in_flight.add(key, run)


def _completed(history: History, entry: Entry, operation: ActionExecutionCompleted) -> None:
    action_id, totals = operation.action_id, history.totals
    key = execution_key(action_id, operation.execution_id)
    statistics = _action(history, entry, action_id)
    run = history.in_flight.pop(key)
    if run is None:
        run = history.orphans.pop(key)
        if run is not None:  # it was presumed dead, and ended all the same
            totals.orphaned -= 1
            statistics.orphaned = max(0, statistics.orphaned - 1)  # an action that was evicted began anew at zero
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
        history.scanners.add(operation.scanner_id, statistics)
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
    history.orphans.put(key, at_entry(run, entry.id))
    _action(history, entry, operation.action_id).orphaned += 1
    history.totals.orphaned += 1


def _dropped(history: History, _entry: Entry, operation: QuarantineDropped) -> None:
    _release(history, operation.entry_id)


class Row(NamedTuple):
    """A row that a rule may ask for: in `table`, under the name that `name_of` finds in an entry (None: no row).

    `adds`: the rule may put the row there where it is not, and so evict another.
    """

    table: str
    name_of: Callable[[Any], str | None]
    adds: bool = False


class Rule(NamedTuple):
    """The effect of an operation that is known to be new, and the rows of the history that it needs."""

    apply: Callable[[History, Entry, Any], None]
    rows: tuple[Row, ...]


def _run_of(entry: Any) -> str:
    return execution_key(entry.operation.action_id, entry.operation.execution_id)


def _action_of(entry: Any) -> str:
    return entry.operation.action_id  # type: ignore[no-any-return]


RULES: dict[type[Operation], Rule] = {
    ActionExecutionStarted: Rule(_started, (Row("in_flight", _run_of, adds=True),)),
    ActionExecutionCompleted: Rule(
        _completed, (Row("in_flight", _run_of), Row("orphans", _run_of), Row("actions", _action_of, adds=True))
    ),
    CleanupExecuted: Rule(_cleaned, (Row("scanners", lambda entry: entry.operation.scanner_id, adds=True),)),
    ActionExecutionOrphaned: Rule(
        _orphaned,
        (Row("in_flight", _run_of), Row("orphans", _run_of, adds=True), Row("actions", _action_of, adds=True)),
    ),
    QuarantineDropped: Rule(_dropped, (Row("quarantine", lambda entry: entry.operation.entry_id),)),
}

_OF_EVERY_ENTRY = (
    Row("producers", lambda entry: entry.by, adds=True),
    Row("quarantine", lambda entry: entry.retry_of),
)
"""The rows that `fold` itself asks for. It may add any entry to the quarantine, under an id that is always new."""


def asked_of(table: str, entries: Iterable[Entry]) -> dict[str, bool]:
    """The names of the rows of `table` that the fold of `entries` may ask for; True for those that it may add."""
    rows_of: dict[type, list[Row]] = {
        kind: [row for row in rule.rows if row.table == table] for kind, rule in RULES.items()
    }
    of_every_entry = [row for row in _OF_EVERY_ENTRY if row.table == table]
    found: dict[str, bool] = {}
    for entry in entries:
        for row in (*of_every_entry, *rows_of.get(type(entry.operation), ())):
            name = row.name_of(entry)
            if name is not None:
                found[name] = row.adds or found.get(name, False)
    return found


def _action(history: History, entry: Entry, action_id: str) -> ActionStatistics:
    """The action's statistics, which `entry` is about to change."""
    statistics = history.actions.touch(action_id)
    if statistics is None:
        statistics = ActionStatistics()
        evicted = history.actions.add(action_id, statistics)
        if evicted is not None:
            history.executions_of.pop(evicted, None)
    statistics.last_entry_id = entry.id
    return statistics


def _judge(history: History, by: str, entry: Entry) -> Verdict:
    sequence = history.producers.touch(by)
    if sequence is None:
        sequence = Sequence()
        history.producers.add(by, sequence)
    sequence.entry_id = entry.id
    verdict, missing = sequence.judge(entry.seq, entry.acked, history.bounds.max_gaps)
    history.checkpoint.missing += missing
    return verdict


def _quarantine(history: History, entry: Entry, reason: str) -> None:
    history.checkpoint.quarantined += 1
    history.quarantine.add(entry.id, quarantined_fields(reason, entry.fields))  # no id comes twice


def _release(history: History, entry_id: str) -> bool:
    """Take an entry out of the quarantine; False if it is not there."""
    if history.quarantine.pop(entry_id) is None:
        return False
    history.checkpoint.quarantined -= 1
    return True
