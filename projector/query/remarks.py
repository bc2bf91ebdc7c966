"""What results mean, as plain text: late runs, failing actions, why a report may not be complete or is empty."""

from __future__ import annotations

from collections.abc import Mapping

from producer.wal import DEFAULT_NAMESPACE
from projector.query.results import ActionStats, Status
from projector.records import InFlightRecord


def is_overdue(record: InFlightRecord, *, now: int, usual: Mapping[str, int]) -> bool:
    """Whether a run has taken longer, at `now` (epoch ms), than the `usual` duration (ms) of its action.

    `usual` is what `Query.duration_percentiles` returns. A run of an action without a percentile is not overdue.
    """
    p95 = usual.get(record.action_id)
    return p95 is not None and now - record.started_at > p95


def outcome(success: bool, error: str | None, *, times: int = 1) -> str:
    """How a run ended: `ok`, `failed: <error>`, `failed 3 times in a row: <error>`."""
    ended = "ok" if success else "failed" if times == 1 else f"failed {times:,} times in a row"
    return f"{ended}: {error}" if error else ended


def state(stats: ActionStats) -> str:
    """How the latest run of an action ended, and how often in a row it has failed; `–` if none has ended."""
    if stats.consecutive_failures:
        return outcome(False, stats.last_error, times=stats.consecutive_failures)
    return "ok" if stats.total_executions else "–"


def waiting_entries(status: Status) -> str:
    """How many entries of the log wait for a projector."""
    match status.lag:
        case None:
            return "unknown how many wait"
        case 0:
            return "nothing waits"
        case 1:
            return "1 entry waits"
    return f"{status.lag:,} entries wait"


def notice(status: Status) -> str | None:
    """Why answers of this moment may not be complete, and the command that helps; None if they are complete."""
    if status.torn:
        return "the last commit was cut off half written; mend it with: projector rebuild"
    if status.lag is None:
        return "the log has fewer entries than were projected: it was replaced; mend it with: projector rebuild"
    if status.lease_holder is None and (status.lag or status.checkpoint):
        return f"no projector is active; {waiting_entries(status)}; start one: projector run"
    return f"the projector is behind: {waiting_entries(status)}" if status.lag else None


def why_nothing(status: Status, otherwise: str) -> str:
    """Why a list has no entries: nothing was recorded, nothing was projected, or else `otherwise`."""
    if status.checkpoint is not None:
        return otherwise
    if status.wal_length:
        return f"nothing has been projected in namespace {status.namespace} yet"
    option = "" if status.namespace == DEFAULT_NAMESPACE else f"--namespace {status.namespace} "
    return (
        f"nothing has been recorded in namespace {status.namespace} yet; "
        f"record something with: producer run {option}--action hello -- echo hello"
    )
