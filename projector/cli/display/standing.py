"""Where several namespaces stand together, in a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from projector.query.overview import NamespaceStanding


def all_of(standings: Sequence[NamespaceStanding]) -> NamespaceStanding:
    """All of them together, under a name that no namespace has."""
    active = sum(each.lease_holder is not None for each in standings)
    return NamespaceStanding(
        namespace=f"{len(standings):,} in all",
        lease_holder=f"{active:,} active",
        lag=_sum(each.lag for each in standings),
        entries=sum(each.entries for each in standings),
        missing=sum(each.missing for each in standings),
        memory=_sum(each.memory for each in standings),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    """None if one is not known."""
    known = list(counts)
    return None if None in known else sum(count or 0 for count in known)
