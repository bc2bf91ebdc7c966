"""Checks of the work itself: does somebody project, and fast enough?"""

from __future__ import annotations

from collections.abc import Iterator

from projector.doctor.case import Case
from projector.doctor.finding import Finding, Severity
from projector.doctor.mending import projector, redis_cli

__all__ = ["active_projector", "lag"]

_MANY = 1000
"""Fewer waiting entries are no backlog, even if they have become more: less than a second's work."""


def active_projector(case: Case) -> Iterator[Finding]:
    """Somebody has to hold the lease, and somebody else has to be able to get it."""
    look = case.look
    if look.holder is None:
        yield Finding(
            check="projector",
            severity=Severity.WRONG,
            found="none is active",
            why="what is recorded is not counted until one is",
            mend=projector(case.namespace, "run"),
        )
    elif look.lease_ms is None:
        yield Finding(
            check="projector",
            severity=Severity.WRONG,
            found=f"the lease of {look.holder} never ends",
            why="somebody set it by hand; no projector can take it",
            mend=redis_cli("DEL", case.keys.lease),
        )
    else:
        left = f"{look.lease_ms / 1000:.1f} s"
        yield Finding(check="projector", severity=Severity.OK, found=f"{look.holder}, its lease lasts for {left}")


def lag(case: Case) -> Iterator[Finding]:
    """Entries that wait, and do not become fewer."""
    before = case.look
    if not before.lag:
        yield Finding(check="lag", severity=Severity.OK, found="nothing waits")
        return
    after = case.later_look
    waiting = f"{after.lag:,} entries wait" if after.lag != 1 else "1 entry waits"
    if not after.lag:
        yield Finding(
            check="lag", severity=Severity.OK, found=f"{before.lag:,} entries waited, and were projected meanwhile"
        )
    elif after.entries == before.entries:
        yield Finding(
            check="lag",
            severity=Severity.WRONG,
            found=f"{waiting}, and none was projected in {case.seconds:g} s",
            why="what is read from the projection is out of date",
            mend="start a projector with "
            f"{projector(case.namespace, 'run')}; where one is active, its log says what holds it up",
        )
    elif after.lag > max(before.lag, _MANY):
        yield Finding(
            check="lag",
            severity=Severity.WRONG,
            found=f"{waiting}, {after.lag - before.lag:,} more than {case.seconds:g} s before",
            why="more is recorded than projected; the log grows",
            mend="give the projector and the server a faster machine, or record less",
        )
    else:
        yield Finding(check="lag", severity=Severity.OK, found=f"{waiting}, and they are being worked off")
