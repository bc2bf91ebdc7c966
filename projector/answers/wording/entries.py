"""An entry of the log in words: what it is, of what, how it went, who did it."""

from __future__ import annotations

import orjson

from projector.answers.wording.amounts import duration
from projector.query.remarks import outcome
from projector.search.entry import LogEntry
from projector.search.filter import ORPHANED, host_of, short_type

_NAMES = ("action_id", "scanner_id", "producer_id")


def type_of(entry: LogEntry) -> str:
    return short_type(entry.type) if entry.type else "unreadable"


def is_failure(entry: LogEntry) -> bool:
    """Whether it tells of a failure, or cannot be read."""
    told = entry.operation
    return told is None or told.get("success") is False or entry.type == ORPHANED


def name_of(entry: LogEntry) -> str:
    """The action, scanner or producer that it is about; empty if none."""
    told = entry.operation or {}
    return next((str(told[field]) for field in _NAMES if field in told), "")


def outcome_of(entry: LogEntry) -> str:
    told = entry.operation or {}
    match short_type(entry.type or ""):
        case "":
            return entry.rejection or ""
        case "started":
            return f"from {told['source']}"
        case "completed":
            ended = outcome(told["success"], told.get("error"))
            return f"{duration(told['duration_ms'])}, {ended}"
        case "cleanup":
            return f"{told['action']} {told['resource_id']}, {outcome(told['success'], told.get('error'))}"
        case "orphaned":
            return f"presumed dead: {told['reason']}"
        case "resolved":
            return f"resolved as {outcome(told['success'], told['reason'])}"
    rest = {name: value for name, value in told.items() if name not in ("type", *_NAMES)}
    return orjson.dumps(rest).decode()


def who_of(entry: LogEntry) -> str:
    told = entry.operation or {}
    if by := told.get("by"):  # whoever decided
        return str(by)
    labels = told.get("labels") or {}
    host, user = host_of(labels, entry.by), labels.get("user")
    return f"{user}@{host or '?'}" if user else host or ""
