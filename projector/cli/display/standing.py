"""Where each of several namespaces stands, in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from projector.query import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of one namespace: who projects it (None: nobody), how many entries wait (None: not known), how many are
    projected, how many operations are missing, and the bytes that its keys take (None: the server does not tell)."""

    namespace: str
    lease_holder: str | None
    lag: int | None
    entries: int
    missing: int
    memory: int | None


def standings_of(statuses: Iterable[Status], memory: Mapping[str, int | None]) -> list[Standing]:
    return [
        Standing(
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


def all_of(standings: Sequence[Standing]) -> Standing:
    """All of them together, under a name that no namespace has."""
    active = sum(each.lease_holder is not None for each in standings)
    return Standing(
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
