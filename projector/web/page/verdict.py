"""Is all well? In one line, with the reasons if it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from producer.text.wording import counted
from projector.answers.wording.amounts import ago
from projector.query import Status
from projector.query.query import asked as answer_of
from projector.query.questions.health import missing
from projector.query.remarks import waiting_entries
from projector.query.results import LastVerified
from projector.retention.room import DAY_SECONDS, room_in_words
from projector.web.page.asked import Asked, Trouble


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well it is, in a `line`, and what else is to be known."""

    kind: Literal["good", "warn", "bad"]
    line: str
    reasons: tuple[str, ...] = ()


def verdict_on(
    asked: Asked, status: Status, verified: Mapping[str, LastVerified | None] | Trouble, *parts: object
) -> Verdict:
    """The verdict for a page that has these `parts`, some of which may be Trouble."""
    unaccepted = asked.part(lambda: answer_of(asked.query, missing.unaccepted()) if status.missing else 0)
    return verdict_of(
        status,
        asked.remark,
        verified,
        asked.now,
        [part for part in (*parts, unaccepted) if isinstance(part, Trouble)],
        unaccepted=None if isinstance(unaccepted, Trouble) else unaccepted,
    )


def verdict_of(
    status: Status,
    remark: str | None,
    verified: Mapping[str, LastVerified | None] | Trouble,
    now: int,
    troubles: Iterable[Trouble] = (),
    *,
    unaccepted: int | None = None,
) -> Verdict:
    """By the `status` of all namespaces together, the `remark` on their projectors, when each was verified, the
    `troubles` with parts of the page, and how many missing operations nobody has accepted (None: all)."""
    unaccepted = status.missing if unaccepted is None else unaccepted
    bad = [remark] if remark else []
    if unaccepted:
        bad.append(f"{counted(unaccepted, 'operation')} missing: recorded or attempted, and never arrived")
    if status.room_seconds is not None and status.room_seconds < DAY_SECONDS:
        bad.append(room_in_words(status.room_seconds))
    bad += dict.fromkeys(each.text for each in troubles)
    if isinstance(verified, Trouble):
        bad.append(verified.text)
        verified = {}
    bad += [
        f"{namespace}: the last verify found the projection different: projector verify"
        for namespace, last in verified.items()
        if last and not last.identical
    ]
    worth = []
    if gone := max(0, status.missing - unaccepted):
        worth.append(f"{counted(gone, 'operation')} missing for good, or as somebody has accepted")
    if status.lost:
        worth.append(f"{counted(status.lost, 'entry')} of the log lost for ever, as somebody has accepted")
    if status.quarantined:
        worth.append(f"{counted(status.quarantined, 'entry')} in the quarantine, which could not be read")
    if bad:
        return Verdict("bad", f"Not all is well: {bad[0]}", (*bad[1:], *worth))
    if status.checkpoint is None and not status.entries and not status.wal_length:
        return Verdict("good", "Nothing has been recorded yet")
    missing = "" if status.missing else ", nothing missing"
    told = f"projector active, {waiting_entries(status)}{missing}; {_verified(verified, now)}"
    if worth:
        return Verdict("warn", f"Nearly all is well: {worth[0]}; {told}", tuple(worth[1:]))
    return Verdict("good", f"All is well: {told}")


def _verified(verified: Mapping[str, LastVerified | None], now: int) -> str:
    times = [last.at for last in verified.values() if last is not None]
    if not times:
        return "never verified (projector verify)"
    part = "" if len(times) == len(verified) else f" ({len(times)} of {len(verified)} namespaces)"
    return f"verified {ago(min(times), now)}{part}: identical"
