"""Whether the log can be reached and is projected, and if not, why. Loads nothing of Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from producer.connection.words import cure_of
from projector.errors import ProjectorError, ServerRefused, ServerUnavailable
from projector.query import Query, Status
from projector.query.remarks import at_rest, how_to_start, notice


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ready`: the server answers, and each namespace is whole and has an active projector, whoever's that is. Else
    `reasons` say what is wrong, and what repairs it."""

    ready: bool
    reasons: list[str] = field(default_factory=list)


def readiness(query: Query) -> Readiness:
    """Of the namespaces of `query`; of none, because none is like what was asked for, nothing is wrong."""
    try:
        found = query.statuses()
    except ProjectorError as error:
        return Readiness(False, [with_cure(error)])
    return readiness_of(found)


def readiness_of(found: Sequence[Status]) -> Readiness:
    """The same, where the status of each namespace was read."""
    reasons = [f"namespace {status.namespace}: {reason}" for status in found if (reason := _why_not(status))]
    return Readiness(not reasons, reasons)


def with_cure(error: Exception) -> str:
    """What it says, and about a server also what an operator does."""
    cure = cure_of(str(error)) if isinstance(error, ServerUnavailable | ServerRefused) else None
    return f"{error}; {cure}" if cure else str(error)


def _why_not(status: Status) -> str | None:
    if status.lease_ttl_ms is None:
        return notice(status) or f"no projector is active; {how_to_start(status)}"
    return notice(at_rest(status))  # that entries wait is no reason: the projector is at them
