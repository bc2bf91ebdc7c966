"""Where each of several namespaces stands, in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from projector.answers.documents.answer import Answer

if TYPE_CHECKING:
    from projector.query import Query, Status
    from projector.query.overview import NamespaceStanding


def standings(query: Query) -> list[NamespaceStanding]:
    """Of all that `query` is about."""
    return standings_of(query.statuses(), query.memory())


def standings_answer(found: list[NamespaceStanding]) -> Answer:
    from projector.query.overview import NamespaceStanding

    return Answer(found, found, NamespaceStanding)


def standings_of(statuses: Iterable[Status], memory: Mapping[str, int | None]) -> list[NamespaceStanding]:
    from projector.query.overview import NamespaceStanding

    return [
        NamespaceStanding(
            namespace=status.namespace,
            # A lease without an end is nobody's.
            lease_holder=None if status.lease_ttl_ms is None else status.lease_holder,
            lag=status.lag,
            entries=status.entries,
            missing=status.missing,
            memory=memory.get(status.namespace),
        )
        for status in statuses
    ]
