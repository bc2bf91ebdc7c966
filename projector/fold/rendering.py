"""A history that is whole in memory, as the keys of its projection and what Redis would hold under each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from projector.fold.entry import milliseconds_of
from projector.fold.history import History
from projector.fold.table import NotLoaded, Table
from projector.keys import Keys

__all__ = ["Content", "Kind", "Rendered", "render"]

Kind: TypeAlias = Literal["list", "hash", "zset", "stream"]
Content: TypeAlias = list[bytes] | dict[bytes, bytes] | dict[bytes, int] | list[tuple[bytes, list[bytes]]]
"""Of a list its elements, head first; of a hash its fields; of a sorted set its members and scores; of a stream its
entries, each with names and values alternately."""

_V = TypeVar("_V")


class Rendered(NamedTuple):
    """One key, never empty: `kind` is what TYPE answers for it."""

    key: bytes
    kind: Kind
    content: Content


def render(history: History, keys: Keys) -> Iterator[Rendered]:
    """The keys of the projection that `history` stands for, one at a time; those that would be empty do not exist.

    Raises NotLoaded for a history that has rows elsewhere; its lists must never have been given to a commit.
    """
    if not history.checkpoint.entries:
        return
    for rendered in _all(history, keys):
        if rendered.content:
            yield rendered


def _all(history: History, keys: Keys) -> Iterator[Rendered]:
    yield _list(keys.executions, history.executions)
    yield _list(keys.failures, history.failures)
    yield _list(keys.cleanups, history.cleanups)
    for action_id, records in history.executions_of.items():
        yield _list(keys.executions_of(action_id), records)
    yield Rendered(keys.in_flight, "hash", {key.encode(): row.to_json() for key, row in _rows(history.in_flight)})
    yield Rendered(keys.orphans, "hash", {key.encode(): row.to_json() for key, row in _rows(history.orphans)})
    yield Rendered(keys.producers, "hash", {key.encode(): row.to_json() for key, row in _rows(history.producers)})
    yield _hash(keys.totals, history.totals.fields())
    yield from _actions(history, keys)
    yield from _scanners(history, keys)
    yield Rendered(keys.quarantine, "stream", [(key.encode(), fields) for key, fields in _rows(history.quarantine)])
    yield _hash(keys.checkpoint, history.checkpoint_fields())


def _actions(history: History, keys: Keys) -> Iterator[Rendered]:
    scores: dict[bytes, int] = {}
    for action_id, row in _rows(history.actions):
        scores[action_id.encode()] = milliseconds_of(row.last_entry_id)
        yield _hash(keys.action(action_id), row.fields())
        yield _hash(keys.durations(action_id), row.durations)
    yield Rendered(keys.actions, "zset", scores)


def _scanners(history: History, keys: Keys) -> Iterator[Rendered]:
    scores: dict[bytes, int] = {}
    for scanner_id, row in _rows(history.scanners):
        scores[scanner_id.encode()] = milliseconds_of(row.last_entry_id)
        yield _hash(keys.scanner(scanner_id), row.fields())
    yield Rendered(keys.scanners, "zset", scores)


def _rows(table: Table[_V]) -> Iterator[tuple[str, _V]]:
    """All rows, the least recently touched first."""
    if table.order is None:
        raise NotLoaded("all rows")
    for key in table.order:
        row = table.get(key)
        assert row is not None
        yield key, row


def _list(key: bytes, records: deque[bytes]) -> Rendered:
    return Rendered(key, "list", list(reversed(records)))


def _hash(key: bytes, fields: dict[str, str | int] | dict[int, int]) -> Rendered:
    return Rendered(key, "hash", {str(name).encode(): str(value).encode() for name, value in fields.items()})
