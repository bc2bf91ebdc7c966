"""How well the log and the server are: what the doctor finds, producers with their gaps, archive and retention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from projector.doctor import Finding, Severity
from projector.entry_id import milliseconds_of
from projector.retention.room import room_in_words
from projector.web.page.asked import Asked, Trouble
from projector.web.page.examiner import Examined
from projector.web.page.verdict import verdict_on

_ORDER = (Severity.WRONG, Severity.WARNING, Severity.NOT_CHECKED, Severity.OK)
_PRODUCERS = 50


def health(asked: Asked, examined: Examined) -> dict[str, Any]:
    status = asked.query.status(room=True)
    verified = asked.part(asked.query.verified)
    producers = asked.part(lambda: asked.query.producers(limit=_PRODUCERS))
    return {
        "status": status,
        "verdict": verdict_on(asked, status, verified, producers),
        "examined": examined,
        "findings": [(name, _worst_first(found)) for name, found in examined.findings.items()],
        "producers": producers,
        "verified": verified,
        "archived_at": milliseconds_of(status.archive_last_id) if status.archive_last_id else None,
        "room_in_words": room_in_words,
    }


def _worst_first(found: Sequence[Finding] | Trouble) -> Sequence[Finding] | Trouble:
    return found if isinstance(found, Trouble) else sorted(found, key=lambda each: _ORDER.index(each.severity))
