"""Where each of several namespaces stands, in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from projector.query import Status
from projector.query.overview import NamespaceStanding


def standings_of(statuses: Iterable[Status], memory: Mapping[str, int | None]) -> list[NamespaceStanding]:
    return [
        NamespaceStanding(
            namespace=status.namespace,
            lease_holder=None
            if status.lease_ttl_ms is None
            else status.lease_holder,  # a lease without end is nobody's
            lag=status.lag,
            entries=status.entries,
            missing=status.missing,
            memory=memory.get(status.namespace),
        )
        for status in statuses
    ]


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
