"""The records of `projector/records.py` as the fold writes them: with msgspec, in a sixth of a dataclass's time."""

from dataclasses import MISSING
from dataclasses import fields as fields_of
from typing import Any, TypeVar, cast, get_type_hints

import msgspec

import projector.records as records
from producer.operations import (
    ActionExecutionCompleted,
    ActionExecutionOrphaned,
    ActionExecutionStarted,
    CleanupExecuted,
    ExecutionResolved,
)
from projector.fold.entry import Entry

_R = TypeVar("_R")

to_json = msgspec.json.Encoder().encode
"""The JSON of a record: its fields in the order of its class, without those that have their default."""


def _struct_of(record: type[_R]) -> type[_R]:
    """A Struct with the fields of `record` that are stored. mypy takes it for `record`, and so checks each call."""
    fields = [
        (field.name, kind) if field.default is MISSING else (field.name, kind, field.default)
        for field, kind in zip(fields_of(cast(Any, record)), get_type_hints(record).values(), strict=True)
        if field.name != records.NAMESPACE
    ]
    options: Any = {"frozen": True, "gc": False, "forbid_unknown_fields": True, "omit_defaults": True}
    return cast(type[_R], msgspec.defstruct(record.__name__, fields, **options))


ActionExecutionRecord = _struct_of(records.ActionExecutionRecord)
CleanupRecord = _struct_of(records.CleanupRecord)
InFlightRecord = _struct_of(records.InFlightRecord)


def as_dataclass(kind: type[_R], record: _R) -> _R:
    """`record` as readers of the library get it."""
    return kind(**msgspec.structs.asdict(cast(msgspec.Struct, record)))


in_flight_of = msgspec.json.Decoder(InFlightRecord).decode
"""A run, read from its JSON; raises ValueError for JSON that is no InFlightRecord."""


def at_entry(run: records.InFlightRecord, entry_id: str) -> records.InFlightRecord:
    """`run`, moved by the entry `entry_id` to where it stands now."""
    return cast(records.InFlightRecord, msgspec.structs.replace(cast(msgspec.Struct, run), entry_id=entry_id))


def run_of_start(entry: Entry, operation: ActionExecutionStarted) -> records.InFlightRecord:
    return InFlightRecord(
        operation.action_id,
        operation.source,
        operation.execution_type,
        operation.started_at,
        operation.execution_id,
        entry.by,
        operation.heartbeats is True,
        entry.id,
        operation.command,
        operation.attempt,
        operation.labels or None,
    )


def record_of_completion(
    entry: Entry, operation: ActionExecutionCompleted, run: records.InFlightRecord | None
) -> records.ActionExecutionRecord:
    """`run` is None if its start is not known."""
    labels = operation.labels or None
    if run is not None and run.labels:
        labels = {**run.labels, **(labels or {})}
    return ActionExecutionRecord(
        operation.action_id,
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
        run.command if run else None,
        run.attempt if run else None,
        labels,
        operation.exit_code,
    )


def record_without_end(
    entry: Entry, operation: ActionExecutionOrphaned | ExecutionResolved, run: records.InFlightRecord
) -> records.ActionExecutionRecord:
    """The record of a run without a duration, because nobody saw its end."""
    resolved = isinstance(operation, ExecutionResolved)
    success = isinstance(operation, ExecutionResolved) and operation.success
    return ActionExecutionRecord(
        operation.action_id,
        run.source,
        run.execution_type,
        success,
        None,
        None if success else operation.reason,
        operation.moment[1],
        operation.execution_id,
        run.started_at,
        run.by,
        entry.id,
        run.command,
        run.attempt,
        run.labels,
        orphaned=None if resolved else True,
        resolved=True if resolved else None,
    )


def record_of_cleanup(entry: Entry, operation: CleanupExecuted) -> records.CleanupRecord:
    return CleanupRecord(
        operation.scanner_id,
        operation.resource_id,
        operation.action,
        operation.success,
        operation.error,
        operation.executed_at,
        entry.by,
        entry.id,
        operation.execution_id,
        operation.labels or None,
    )


def record_of_end(entry: Entry, run: records.InFlightRecord | None) -> records.ActionExecutionRecord | None:
    """The record that `entry` leaves of a run, as readers of the library get it. None: it is no end of a run, or one
    without a duration whose start is not known."""
    match entry.operation:
        case ActionExecutionCompleted() as operation:
            made = record_of_completion(entry, operation, run)
        case ActionExecutionOrphaned() | ExecutionResolved() as operation if run is not None:
            made = record_without_end(entry, operation, run)
        case _:
            return None
    return as_dataclass(records.ActionExecutionRecord, made)
