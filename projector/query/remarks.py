"""What results mean, as plain text: failing actions, why a report may not be complete or is empty."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from producer.text.wording import counted, waiting
from producer.wal import DEFAULT_NAMESPACE
from projector.errors import command_for, repair_of
from projector.keys import REBUILDING, Keys
from projector.query.results import ActionStats, Status

_LISTED = 20
"""Namespaces that a remark names."""


def outcome(
    success: bool, error: str | None, *, times: int = 1, orphaned: bool | None = None, resolved: bool | None = None
) -> str:
    """How a run ended: `ok`, `failed: <error>`, `failed 3 times in a row: <error>`, `presumed dead: <reason>`, and
    `ok (resolved)` or `failed (resolved): <error>` if somebody has said so."""
    ended = "ok" if success else "failed" if times == 1 else f"failed {times:,} times in a row"
    ended = "presumed dead" if orphaned else f"{ended} (resolved)" if resolved else ended
    return f"{ended}: {error}" if error else ended


def who(labels: Mapping[str, str] | None, by: str | None) -> str | None:
    """`user@host`, as far as the labels tell; else the producer's host; None if nobody told."""
    told = labels or {}
    host = told.get("host") or (by or "").partition(":")[0]
    user = told.get("user")
    return f"{user}@{host}" if user and host else user or host or None


def state(stats: ActionStats) -> str:
    """How the latest run of an action ended, and how often in a row it has failed, and how many of its runs are
    presumed dead; `–` if none has ended."""
    ended = "ok" if stats.total_executions else "–"
    if stats.consecutive_failures:
        ended = outcome(False, None, times=stats.consecutive_failures)
    if stats.orphaned:
        ended = f"{stats.orphaned:,} presumed dead" if ended == "–" else f"{ended}, {stats.orphaned:,} presumed dead"
    return f"{ended}: {stats.last_error}" if stats.consecutive_failures and stats.last_error else ended


def waiting_entries(status: Status) -> str:
    """How many entries of the log wait for a projector."""
    if not status.lag:
        return "unknown how many wait" if status.lag is None else "nothing waits"
    return waiting(status.lag, "entry")


def at_rest(status: Status) -> Status:
    """As it is when the projector has folded what waits."""
    waiting = status.lag or 0
    return replace(status, lag=status.lag and 0, wal_length=status.wal_length - waiting)


def notice(status: Status) -> str | None:
    """Why answers of this moment may not be complete, and the command that helps; None if they are complete."""
    repair = f"repair it with: {command_for(status.namespace, 'rebuild')}"
    if (status.lease_holder or "").startswith(REBUILDING):
        return "a rebuild is under way: until it is done, answers are those of before"
    if status.torn:
        return f"the last commit was cut off half written; {repair}"
    if status.lag is None:
        if status.checkpoint is None:
            return f"there is a projection without its checkpoint, which somebody deleted; {repair}"
        return f"the log has fewer entries than were projected: it was replaced; {repair}"
    deleted = status.lag + status.entries - status.wal_length - status.trimmed - status.lost
    if deleted > 0:
        found = counted(deleted, "entry was", "entries were")
        return f"{found} deleted from the log; what is lost: {command_for(status.namespace, 'doctor')}"
    if status.lease_ttl_ms is None and (status.lag or status.checkpoint):
        return f"no projector is active; {waiting_entries(status)}; {how_to_start(status)}"
    return f"the projector is behind: {waiting_entries(status)}" if status.lag else None


def how_to_start(status: Status) -> str:
    """The command that a projector needs. A lease without end is nobody's, and no projector can take it."""
    if status.lease_holder is not None:
        return f"somebody wrote its lease, which never ends: {repair_of(Keys(status.namespace).lease)}"
    if status.lag is None:  # a projector would end at once
        return f"first {command_for(status.namespace, 'rebuild')}, then {command_for(status.namespace, 'run')}"
    return f"start one: {command_for(status.namespace, 'run')}"


def why_nothing(status: Status, otherwise: str, namespaces: Callable[[], Sequence[str]] = tuple) -> str:
    """Why a list has no entries: nothing was recorded, nothing was projected, or else `otherwise`.

    `namespaces` gives those of the server, of which one may have been meant. It is asked if nothing was recorded.
    """
    if status.checkpoint is not None:
        return otherwise
    if status.wal_length:
        return f"nothing has been projected in namespace {status.namespace} yet"
    names = namespaces()
    there = f"; namespaces on this server: {', '.join(names[:_LISTED])}{', …' if names[_LISTED:] else ''}"
    nothing = f"nothing has been recorded in namespace {status.namespace} yet{there if names else ''}"
    if meant := did_you_mean(status.namespace, names):
        return f"{nothing}.{meant}"
    option = "" if status.namespace == DEFAULT_NAMESPACE else f"--namespace {status.namespace} "
    return f"{nothing}; record something with: producer run {option}--action hello -- echo hello"


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """` Did you mean deploy?` if one of the first `names` is like `name`; else nothing."""
    likely = [each for each in names[:2000] if len(each) <= 64]  # to compare all of them could take a minute
    found = get_close_matches(name, likely, n=1, cutoff=0.75)  # a slip of two letters, but no chance likeness
    return f" Did you mean {found[0]}?" if found else ""
