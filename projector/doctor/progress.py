"""Checks of the work itself: does somebody project, and fast enough?"""

from __future__ import annotations

from collections.abc import Iterator

from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, redis_cli, wrong

_MANY = 1000
"""Fewer waiting entries are no backlog, even if they have become more: less than a second's work."""


def active_projector(case: Case) -> Iterator[Finding]:
    """Somebody has to hold the lease, and somebody else has to be able to get it."""
    look = case.first_look
    if look.holder is None:
        yield wrong("none is active", "what is recorded is not counted until one is", case.projector("run"))
    elif look.lease_ms is None:
        yield wrong(
            f"the lease of {look.holder} never ends",
            "somebody set it by hand; no projector can take it",
            redis_cli("DEL", case.keys.lease),
        )
    else:
        yield ok(f"{look.holder}, its lease lasts for {look.lease_ms / 1000:.1f} s")


def lag(case: Case) -> Iterator[Finding]:
    """Entries that wait, and do not become fewer."""
    before = case.first_look
    if not before.lag:
        yield ok("nothing waits")
        return
    after = case.later_look
    waiting = f"{after.lag:,} entries wait" if after.lag != 1 else "1 entry waits"
    if not after.lag:
        yield ok(f"{before.lag:,} entries waited, and were projected meanwhile")
    elif after.entries == before.entries:
        yield wrong(
            f"{waiting}, and none was projected in {case.seconds:g} s",
            "what is read from the projection is out of date",
            f"start a projector with {case.projector('run')}; where one is active, its log says what holds it up",
        )
    elif after.lag > max(before.lag, _MANY):
        yield wrong(
            f"{waiting}, {after.lag - before.lag:,} more than {case.seconds:g} s before",
            "more is recorded than projected; the log grows",
            "give the projector and the server a faster machine, or record less",
        )
    else:
        yield ok(f"{waiting}, and they are being worked off")
