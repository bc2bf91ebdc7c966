"""Where several namespaces stand together: counts add up, and what only one can have is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from projector.query.questions import memory as memories
from projector.query.questions import status as standing
from projector.query.questions.health import verified as verifications
from projector.query.questions.question import Inquiry, each
from projector.query.results import LastVerified, Status


def statuses(*, room: bool) -> Inquiry[list[Status]]:
    return [*(yield from each(lambda keys: standing.status(keys, room=room))).values()]


def status(told: str, *, room: bool) -> Inquiry[Status]:
    """`told` is how somebody has named the namespaces."""
    return together((yield from statuses(room=room)), told)


def memory() -> Inquiry[dict[str, int | None]]:
    return (yield from each(memories.memory))


def verified() -> Inquiry[dict[str, LastVerified | None]]:
    return (yield from each(verifications.verified))


def together(found: Sequence[Status], told: str) -> Status:
    if len(found) == 1:
        return found[0]
    counts: dict[str, Any] = {
        field.name: sum(getattr(one, field.name) for one in found) for field in fields(Status) if field.type is int
    }
    lags = [one.lag for one in found]
    leases = [one.lease_ttl_ms for one in found]
    return Status(
        **counts,
        namespace=told,
        checkpoint=None,
        lag=None if None in lags else sum(lag or 0 for lag in lags),
        lease_holder=_shared([one.lease_holder for one in found]),
        lease_ttl_ms=None if None in leases else min((ttl or 0 for ttl in leases), default=None),
        schema=_shared([one.schema for one in found]),
        config=_shared([one.config for one in found]),
        torn=any(one.torn for one in found),
        archive_head=None,
        archive_last_id=None,
        room_seconds=_room([one.room_seconds for one in found if one.room_seconds is not None]),
    )


def _shared(values: Sequence[Any]) -> Any:
    """What all have; None if they differ."""
    return values[0] if values and all(value == values[0] for value in values) else None


def _room(rooms: Sequence[int]) -> int | None:
    """If they all fill one memory: their rates add up."""
    if not rooms or 0 in rooms:
        return 0 if rooms else None
    return int(1 / sum(1 / room for room in rooms))
