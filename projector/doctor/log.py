"""Checks of the log: is it the one that was projected, and is it whole?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from producer.log import Log
from projector.doctor.case import Case
from projector.doctor.finding import Finding, Severity
from projector.doctor.look import look
from projector.doctor.mending import projector, redis_cli
from projector.entry_id import milliseconds_of, order_of
from projector.keys import GROUP

__all__ = ["deleted_entries", "groups", "log", "top_id"]

_AHEAD_MS = 5_000
"""How far ids may be ahead of the server's clock: clocks are set back, and after a failover it is another's."""
_DAY_MS = 86_400_000
_HIGHEST = 2**64 - 1
_UNUSED_MS = 3_600_000
"""A consumer that has not asked for so long is taken to be gone."""


def log(case: Case) -> Iterator[Finding]:
    """Does the log hold the entry at which the projection stands?"""
    found, stands = case.look.log, case.look.last_id
    length = found.length if found else 0
    if not stands:
        yield Finding(check="log", severity=Severity.OK, found=f"{length:,} entries, none of them projected yet")
    elif found is None:
        yield _log_wrong(case, f"there is none, and the projection stands at {stands}")
    elif order_of(found.last_id) < order_of(stands):
        yield _log_wrong(case, f"it ends at {found.last_id}, and the projection stands beyond, at {stands}")
    elif not Log(case.inquiry.ask, case.namespace).entry(stands) and not _moved_on(case, stands):
        yield _log_wrong(case, f"it does not hold {stands}, at which the projection stands")
    else:
        yield Finding(check="log", severity=Severity.OK, found=f"{length:,} entries, the projection at {stands}")


def _moved_on(case: Case, stands: str) -> bool:
    """Whether the projection has left that entry since: it cannot, unless the entry was there."""
    return look(case.inquiry, case.keys).last_id != stands


def _log_wrong(case: Case, found: str) -> Finding:
    return Finding(
        check="log",
        severity=Severity.WRONG,
        found=found,
        why="somebody deleted, trimmed or replaced it; the projector stops rather than count wrong",
        mend=f"{projector(case.namespace, 'rebuild')} (to project what the log holds now)",
    )


def deleted_entries(case: Case) -> Iterator[Finding]:
    """Of all entries ever added, those that the projector did not trim have to be there."""
    found = case.look.log
    trimmed = case.look.checkpoint.trimmed if case.look.checkpoint else 0
    gone = found.gone - trimmed if found else 0
    if not gone:
        yield Finding(
            check="deleted-entries", severity=Severity.OK, found=f"none ({trimmed:,} trimmed by projectors)"
        )
        return
    yield Finding(
        check="deleted-entries",
        severity=Severity.WRONG,
        found=f"{gone:,} entries were deleted or trimmed by somebody else"
        if gone > 0
        else f"{-gone:,} entries that the projector trimmed are back",
        why="the log is not the one that was projected: a rebuild of it would give other counts",
        mend=f"{projector(case.namespace, 'rebuild')} (to project what the log holds now); "
        "who may delete is kept short by: projector acl",
    )


def top_id(case: Case) -> Iterator[Finding]:
    """An id that is ahead of the clock: every later one is made to follow it."""
    found = case.look.log
    if found is None:
        yield Finding(check="top-id", severity=Severity.OK, found="no entry yet")
        return
    top = milliseconds_of(found.last_id)
    ahead = top - case.look.now
    if ahead <= _AHEAD_MS:
        yield Finding(check="top-id", severity=Severity.OK, found=f"{found.last_id}, not ahead of the server's clock")
        return
    wal = case.keys.wal
    anew = f"{redis_cli('RENAME', wal, wal + b'-before')} && {projector(case.namespace, 'rebuild')}"
    yield Finding(
        check="top-id",
        severity=Severity.WRONG,
        found=f"{found.last_id} is in the future: {_moment(top)}",
        why="no entry can be added any more"
        if top == _HIGHEST
        else "somebody chose that id; every later entry gets the same time, so times of actions are wrong",
        mend="wait until then" if ahead <= _DAY_MS else f"begin a log anew: {anew}",
    )


def groups(case: Case) -> Iterator[Finding]:
    """Readers of the log beside the projector: those that left something behind, and those that interfere."""
    found = []
    for group in case.inquiry.ask("XINFO GROUPS", case.keys.wal) or ():
        consumers = case.inquiry.ask("XINFO CONSUMERS", case.keys.wal, group[b"name"]) or []
        if group[b"name"] == GROUP:
            found += list(_strangers(case, consumers))
        elif not consumers or min(consumer[b"idle"] for consumer in consumers) > _UNUSED_MS:
            found.append(_unused(case, group))
    yield from found or [Finding(check="groups", severity=Severity.OK, found="none that nobody uses")]


def _strangers(case: Case, consumers: list[dict[bytes, Any]]) -> Iterator[Finding]:
    """The projector reads without a pending list: who has one in its group is somebody else."""
    for consumer in consumers:
        if consumer[b"pending"]:
            yield Finding(
                check="groups",
                severity=Severity.WRONG,
                found=f"{_text(consumer[b'name'])} reads from the projector's group, "
                f"{consumer[b'pending']:,} pending",
                why="the projector has to start over each time, and the pending entries take memory",
                mend=redis_cli("XGROUP", "DELCONSUMER", case.keys.wal, GROUP, consumer[b"name"]),
            )


def _unused(case: Case, group: dict[bytes, Any]) -> Finding:
    return Finding(
        check="groups",
        severity=Severity.WRONG,
        found=f"nobody uses the consumer group {_text(group[b'name'])}, {group[b'pending']:,} pending",
        why="what it has read and never acknowledged takes memory for good",
        mend=redis_cli("XGROUP", "DESTROY", case.keys.wal, group[b"name"]),
    )


def _moment(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "beyond the year 9999"


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
