"""The order of eviction as Redis has it: the names of rows, the one that an entry touched longest ago first.

A table's oldest rows are few beside all of its rows, which a takeover has no time to parse.
"""

from collections.abc import Callable
from heapq import nsmallest

import msgspec

from producer.connection.wire import pairs_of
from projector.commit.link import Link
from projector.entry_id import order_of
from projector.worker.damage import damage_in

_ROWS_A_PAGE = 1000

_KeysOf = Callable[[str], tuple[bytes, ...]]


class _Touched(msgspec.Struct, gc=False):
    """What the rows of all hashes have in common; the rest of their JSON is skipped."""

    entry_id: str


_touched_of = msgspec.json.Decoder(_Touched).decode


def oldest_of_hash(link: Link, key: bytes, count: int) -> list[str]:
    """The `count` oldest rows of a hash that has a row a field."""
    rows = pairs_of(link.call("HGETALL", key))
    names: list[str] = []
    with damage_in(key) as at:

        def touched(field: bytes) -> tuple[int, int]:
            at.field = field
            return order_of(_touched_of(rows[field]).entry_id)

        for field in nsmallest(count, rows, touched):
            at.field = field
            names.append(field.decode())
    return names


def oldest_of_index(link: Link, index: bytes, keys_of: _KeysOf, count: int) -> list[str]:
    """The `count` oldest members of a sorted set, or some more: all that share the last one's milliseconds."""
    last = pairs_of(link.call("ZRANGE", index, count - 1, count - 1, "WITHSCORES"))
    return order_of_index(link, index, keys_of, until=next(iter(last.values()), "+inf"))


def order_of_index(link: Link, index: bytes, keys_of: _KeysOf, *, until: bytes | float | str = "+inf") -> list[str]:
    """All members of a sorted set up to the score `until`.

    The order is in the hashes of the members, of which `keys_of` has the key first: the score tells no more than
    milliseconds.
    """
    found = link.call("ZRANGE", index, "-inf", until, "BYSCORE")
    with damage_in(index):
        members = [member.decode() for member in found]
    ids: list[bytes | None] = []
    for at in range(0, len(members), _ROWS_A_PAGE):
        page = members[at : at + _ROWS_A_PAGE]
        ids += link.call_all([("HGET", keys_of(member)[0], "last_entry_id") for member in page])
    with damage_in(index):
        touched = {member: order_of((raw or b"").decode()) for member, raw in zip(members, ids, strict=True)}
    return sorted(members, key=touched.__getitem__)
