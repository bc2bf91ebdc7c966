"""The rules: what each entry of the log does to the history, and which rows each rule may ask for.

No rule reads a clock, a batch or the order of a hash: the same entries give the same history, however they come.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, NamedTuple

from producer.operations import (
    ActionExecutionCompleted,
    ActionExecutionOrphaned,
    ActionExecutionStarted,
    ArchiveSealed,
    CleanupExecuted,
    ExecutionResolved,
    GapsAccepted,
    LossAccepted,
    Operation,
    QuarantineDropped,
)
from projector.entry_id import order_of, order_of_any
from projector.fold.entry import Entry, quarantined_fields, read_entry
from projector.fold.history import History
from projector.fold.record import (
    at_entry,
    record_of_cleanup,
    record_of_completion,
    record_without_end,
    run_of_start,
    to_json,
)
from projector.fold.sequence import Sequence, Verdict
from projector.fold.statistics import ActionStatistics, ScannerStatistics
from projector.records import InFlightRecord as InFlight

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
        if verdict != "new":
            if verdict == "duplicate":
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


def fold_page(history: History, page: Iterable[tuple[bytes, list[bytes]]]) -> None:
    """The same by entries as they are read, for a history that stays whole in memory."""
    for entry_id, fields in page:
        fold(history, read_entry(entry_id, fields))
    history.changes_seen()


def _started(history: History, entry: Entry, operation: ActionExecutionStarted) -> None:
    key = execution_key(operation.action_id, operation.execution_id)
    run = run_of_start(entry, operation)
    if history.in_flight.get(key) is not None:
        history.in_flight.put(key, run)
        history.checkpoint.in_flight_replaced += 1
    else:
        history.in_flight.add(key, run)


def _completed(history: History, entry: Entry, operation: ActionExecutionCompleted) -> None:
    statistics = _action(history, entry, operation.action_id)
    run = _ended(history, execution_key(operation.action_id, operation.execution_id), statistics)
    statistics.complete(operation)
    _count_end(history, success=operation.success)
    history.push_execution(record_of_completion(entry, operation, run))


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
    history.cleanups.append(to_json(record_of_cleanup(entry, operation)))


def _orphaned(history: History, entry: Entry, operation: ActionExecutionOrphaned) -> None:
    key = execution_key(operation.action_id, operation.execution_id)
    run = history.in_flight.pop(key)
    if run is None:
        return
    history.orphans.put(key, at_entry(run, entry.id))
    _action(history, entry, operation.action_id).presume_dead(operation, entry.id)
    history.totals.orphaned += 1
    history.push_execution(record_without_end(entry, operation, run))


def _resolved(history: History, entry: Entry, operation: ExecutionResolved) -> None:
    key = execution_key(operation.action_id, operation.execution_id)
    if history.in_flight.get(key) is None and history.orphans.get(key) is None:
        return
    statistics = _action(history, entry, operation.action_id)
    run = _ended(history, key, statistics)
    assert run is not None
    statistics.resolve(operation)
    _count_end(history, success=operation.success)
    history.push_execution(record_without_end(entry, operation, run))


def _ended(history: History, key: str, statistics: ActionStatistics) -> InFlight | None:
    """Take out the run that ends, if its start is known. A run that was presumed dead was not."""
    run = history.in_flight.pop(key)
    if run is None:
        run = history.orphans.pop(key)
        if run is not None:
            history.totals.orphaned -= 1
            statistics.take_back(run.entry_id)
    return run


def _count_end(history: History, *, success: bool) -> None:
    history.totals.total_executions += 1
    if success:
        history.totals.successes += 1
    else:
        history.totals.failures += 1


def _dropped(history: History, _entry: Entry, operation: QuarantineDropped) -> None:
    _release(history, operation.entry_id)


def _accepted(history: History, _entry: Entry, operation: GapsAccepted) -> None:
    # Not touched: it is no entry of that producer, and this entry may have touched another one.
    sequence = history.producers.change(operation.producer_id)
    if sequence is not None:
        sequence.accept(operation.seq)


def _sealed(history: History, entry: Entry, operation: ArchiveSealed) -> None:
    checkpoint = history.checkpoint
    # Only forwards: two archivers may tell of the same segments. And no archive has what comes later.
    if order_of_any(checkpoint.archive_last_id) < order_of(operation.last_id) < order_of(entry.id):
        checkpoint.archive_head, checkpoint.archive_last_id = operation.head, operation.last_id


def _lost(history: History, _entry: Entry, operation: LossAccepted) -> None:
    # They were there, and count as read: the group's lag is reckoned from `entries`.
    history.checkpoint.entries += operation.entries
    history.checkpoint.lost += operation.entries


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


_action_of = attrgetter("operation.action_id")

RULES: dict[type[Operation], Rule] = {
    ActionExecutionStarted: Rule(_started, (Row("in_flight", _run_of, adds=True),)),
    ActionExecutionCompleted: Rule(
        _completed, (Row("in_flight", _run_of), Row("orphans", _run_of), Row("actions", _action_of, adds=True))
    ),
    CleanupExecuted: Rule(_cleaned, (Row("scanners", attrgetter("operation.scanner_id"), adds=True),)),
    ActionExecutionOrphaned: Rule(
        _orphaned,
        (Row("in_flight", _run_of), Row("orphans", _run_of, adds=True), Row("actions", _action_of, adds=True)),
    ),
    QuarantineDropped: Rule(_dropped, (Row("quarantine", attrgetter("operation.entry_id")),)),
    GapsAccepted: Rule(_accepted, (Row("producers", attrgetter("operation.producer_id")),)),
    ArchiveSealed: Rule(_sealed, ()),
    LossAccepted: Rule(_lost, ()),
    ExecutionResolved: Rule(
        _resolved, (Row("in_flight", _run_of), Row("orphans", _run_of), Row("actions", _action_of, adds=True))
    ),
}

_OF_EVERY_ENTRY = (
    Row("producers", attrgetter("by"), adds=True),
    Row("quarantine", attrgetter("retry_of")),
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
            history.forget_action(evicted)
    statistics.last_entry_id = entry.id
    return statistics


def _judge(history: History, by: str, entry: Entry) -> Verdict:
    sequence = history.producers.touch(by)
    if sequence is None:
        sequence = Sequence.new()
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
