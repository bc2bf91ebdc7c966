"""The latest that ended, what has failed, and the entries of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from projector.answers.documents.answer import Answer
from projector.answers.filters import one_of
from projector.answers.interval import Interval
from projector.answers.parameter import WrongParameter

if TYPE_CHECKING:
    from projector.query import ActionFailureKind, Query, Records
    from projector.query.arguments import Progress
    from projector.query.entries import LogEntries
    from projector.records import ActionExecutionRecord, CleanupRecord
    from projector.search.filter import Filter

USUAL = 10
"""How many records there are where nobody says how many, nor since when."""


def recent(
    query: Query, where: Filter, *, between: Interval, limit: int | None = None, progress: Progress | None = None
) -> Records[ActionExecutionRecord]:
    """The latest executions that have ended."""
    action, rest = one_of("action", where)
    asked = _asked(between, limit, progress)
    return query.recent_action_executions(action_id=action, where=rest, **asked)


def failures(
    query: Query, where: Filter, *, between: Interval, limit: int | None = None, progress: Progress | None = None
) -> Records[ActionExecutionRecord]:
    """The latest executions that have failed. Raises WrongParameter for a filter of what succeeded."""
    if where.success:
        raise WrongParameter("ok", "failures are what failed")
    return query.recent_failures(where=where, **_asked(between, limit, progress))


def kinds(query: Query, where: Filter, *, between: Interval, limit: int | None = None) -> Records[ActionFailureKind]:
    """Failures whose errors are alike, counted together. Raises WrongParameter for a filter but the name of an
    action, and for an interval that ends."""
    from projector.search.filter import Filter

    action, rest = one_of("action", where)
    if between.until is not None or rest != Filter():
        told = "it takes no filter but since, and action with the name of one"
        raise WrongParameter("grouped", told, others=("since", "action"))
    return query.failure_kinds(action, since=between.since, limit=USUAL if limit is None else limit)


def cleanups(
    query: Query, where: Filter, *, between: Interval, limit: int | None = None, progress: Progress | None = None
) -> Records[CleanupRecord]:
    """The latest cleanups."""
    scanner, rest = one_of("scanner", where)
    asked = _asked(between, limit, progress)
    return query.recent_cleanup_operations(scanner_id=scanner, where=rest, **asked)


def most_of(between: Interval, limit: int | None) -> int | None:
    """How many records are wanted: where nobody says, all since a time, or else the usual."""
    return USUAL if limit is None and between.since is None else limit


def log_answer(entries: LogEntries) -> Answer:
    """What `entries` has, read to its end."""
    records = [entry.document for entry in entries]
    return Answer({"complete": entries.complete, "since": entries.since, "records": records}, records)


def _asked(between: Interval, limit: int | None, progress: Progress | None) -> dict[str, Any]:
    most = most_of(between, limit)
    return {"limit": most, "since": between.since, "until": between.until, "progress": progress}
