"""Checks of the log: is it the one that was projected, and is it whole?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from producer.log import Log
from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, redis_cli, wrong
from projector.entry_id import milliseconds_of, order_of
from projector.keys import GROUP

_AHEAD_MS = 5_000
"""How far ids may be ahead of the server's clock: clocks are set back, and after a failover it is another's."""
_DAY_MS = 86_400_000
_HIGHEST = 2**64 - 1
_UNUSED_MS = 3_600_000
"""A consumer that has read nothing for so long is taken to be gone."""


def log(case: Case) -> Iterator[Finding]:
    """Does the log hold the entry at which the projection stands?"""
    found, stands = case.first_look.log, case.first_look.last_id
    length = found.length if found else 0
    if not stands:
        yield ok(f"{length:,} entries, none of them projected yet")
    elif found is None:
        yield _log_wrong(case, f"there is none, and the projection stands at {stands}")
    elif order_of(found.last_id) < order_of(stands):
        yield _log_wrong(case, f"it ends at {found.last_id}, and the projection stands beyond, at {stands}")
    elif not Log(case.ask, case.keys.namespace).entry(stands) and case.look().last_id == stands:
        # Had the projection gone on meanwhile, the entry would have been there.
        yield _log_wrong(case, f"it does not hold {stands}, at which the projection stands")
    else:
        yield ok(f"{length:,} entries, the projection at {stands}")


def _log_wrong(case: Case, found: str) -> Finding:
    return wrong(
        found,
        "somebody deleted, trimmed or replaced it; the projector stops rather than count wrong",
        f"{case.projector('rebuild')} (to project what the log holds now)",
    )


def deleted_entries(case: Case) -> Iterator[Finding]:
    """The log has to hold every entry ever added that the projector did not trim."""
    found = case.first_look.log
    trimmed = case.first_look.checkpoint.trimmed if case.first_look.checkpoint else 0
    gone = found.gone - trimmed if found else 0
    if not gone:
        yield ok(f"none ({trimmed:,} trimmed by projectors)")
        return
    deleted = f"{gone:,} entries were deleted or trimmed by somebody else"
    yield wrong(
        deleted if gone > 0 else f"{-gone:,} entries that the projector trimmed are back",
        "the log is not the one that was projected: a rebuild of it would give other counts",
        f"{case.projector('rebuild')} (to project what the log holds now); "
        "who may delete is kept short by: projector acl",
    )


def top_id(case: Case) -> Iterator[Finding]:
    """An id that is ahead of the clock: every later one is made to follow it."""
    found = case.first_look.log
    if found is None:
        yield ok("no entry yet")
        return
    top = milliseconds_of(found.last_id)
    ahead = top - case.first_look.now
    if ahead <= _AHEAD_MS:
        yield ok(f"{found.last_id}, not ahead of the server's clock")
        return
    wal = case.keys.wal
    anew = f"{redis_cli('RENAME', wal, wal + b'-before')} && {case.projector('rebuild')}"
    late = "somebody chose that id; every later entry gets the same time, so times of actions are wrong"
    yield wrong(
        f"{found.last_id} is in the future: {_moment(top)}",
        "no entry can be added any more" if top == _HIGHEST else late,
        "wait until then" if ahead <= _DAY_MS else f"begin a log anew: {anew}",
    )


def groups(case: Case) -> Iterator[Finding]:
    """Consumer groups that nobody uses any more, and consumers that interfere with the projector's group."""
    found: list[Finding] = []
    for group in case.ask("XINFO GROUPS", case.keys.wal) or ():
        consumers = case.ask("XINFO CONSUMERS", case.keys.wal, group[b"name"]) or []
        if group[b"name"] == GROUP:
            found += _strangers(case, consumers)
        elif not consumers or min(consumer[b"idle"] for consumer in consumers) > _UNUSED_MS:
            unused = wrong(
                f"nobody uses the consumer group {_text(group[b'name'])}, {group[b'pending']:,} pending",
                "what it has read and never acknowledged takes memory for good",
                redis_cli("XGROUP", "DESTROY", case.keys.wal, group[b"name"]),
            )
            found.append(unused)
    yield from found or [ok("none that nobody uses")]


def _strangers(case: Case, consumers: list[dict[bytes, Any]]) -> Iterator[Finding]:
    """Consumers of the projector's group with pending entries: a projector has none, because it reads with NOACK."""
    for consumer in consumers:
        if consumer[b"pending"]:
            yield wrong(
                f"{_text(consumer[b'name'])} reads from the projector's group, {consumer[b'pending']:,} pending",
                "the projector has to start over each time, and the pending entries take memory",
                redis_cli("XGROUP", "DELCONSUMER", case.keys.wal, GROUP, consumer[b"name"]),
            )


def _moment(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "beyond the year 9999"


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
