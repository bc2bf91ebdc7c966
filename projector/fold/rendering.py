"""Renders a history that is whole in memory into the keys of its projection and their contents."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from projector.entry_id import milliseconds_of
from projector.fold.history import History
from projector.fold.record import to_json
from projector.fold.statistics import ActionStatistics, ScannerStatistics
from projector.fold.table import NotLoaded, Table
from projector.keys import Keys

Kind: TypeAlias = Literal["list", "hash", "zset", "stream"]
Content: TypeAlias = list[bytes] | dict[bytes, bytes] | dict[bytes, int] | list[tuple[bytes, list[bytes]]]
"""Of a list its elements, head first; of a hash its fields; of a sorted set its members and scores; of a stream its
entries, each with names and values alternately."""

_V = TypeVar("_V")
_S = TypeVar("_S", ActionStatistics, ScannerStatistics)


class Rendered(NamedTuple):
    """One key: `kind` is what TYPE answers for it."""

    key: bytes
    kind: Kind
    content: Content


def render(history: History, keys: Keys) -> Iterator[Rendered]:
    """The keys of the projection of `history`, one at a time, without keys that would be empty.

    Raises NotLoaded for a history that has rows elsewhere; its lists must never have been given to a commit.
    """
    return (rendered for rendered in _all(history, keys) if rendered.content)


def _all(history: History, keys: Keys) -> Iterator[Rendered]:
    history.settle()
    yield from render_fixed(history, keys)
    yield Rendered(keys.quarantine, "stream", [(key.encode(), fields) for key, fields in _rows(history.quarantine)])
    for action_id, _ in _rows(history.actions):
        yield from render_action(history, keys, action_id)
    for scanner_id, _ in _rows(history.scanners):
        yield from render_scanner(history, keys, scanner_id)
    for key in history_keys(history, keys):
        yield render_history(history, keys, key)


def render_fixed(history: History, keys: Keys) -> Iterator[Rendered]:
    """The keys that every projection has, except the quarantine; without content if Redis has no such key."""
    yield _list(keys.executions, history.executions)
    yield _list(keys.failures, history.failures)
    yield _list(keys.cleanups, history.cleanups)
    yield Rendered(keys.in_flight, "hash", {key.encode(): to_json(row) for key, row in _rows(history.in_flight)})
    yield Rendered(keys.orphans, "hash", {key.encode(): to_json(row) for key, row in _rows(history.orphans)})
    yield Rendered(keys.producers, "hash", {key.encode(): to_json(row) for key, row in _rows(history.producers)})
    yield Rendered(keys.actions, "zset", _scores(history.actions))
    yield Rendered(keys.scanners, "zset", _scores(history.scanners))
    for key, buckets in history.rollups.of_all(keys):
        contents = {start: buckets.contents(start) for start in buckets.starts()}
        yield Rendered(
            key, "hash", {b"%d" % start: json for start, rows in contents.items() for json in rows.values()}
        )
    yield _hash(keys.totals, history.totals.fields() if history.checkpoint.entries else {})
    yield _hash(keys.checkpoint, history.checkpoint_fields() if history.checkpoint.entries else {})


def render_action(history: History, keys: Keys, action_id: str) -> Iterator[Rendered]:
    """The keys of one action; without content for an action without statistics."""
    row = history.actions.get(action_id)
    yield _hash(keys.action(action_id), row.fields() if row else {})
    yield _hash(keys.durations(action_id), row.counts if row else {})
    yield _list(keys.executions_of(action_id), history.executions_of.get(action_id, deque()))
    failed = history.failed_runs.get(action_id)
    kinds = failed.kinds if failed else {}
    yield Rendered(
        keys.failure_kinds(action_id), "hash", {name.encode(): to_json(kind) for name, kind in kinds.items()}
    )
    yield _hash(keys.failure_durations(action_id), failed.durations if failed else {})


def render_scanner(history: History, keys: Keys, scanner_id: str) -> Iterator[Rendered]:
    """The key of one scanner; without content for a scanner without statistics."""
    row = history.scanners.get(scanner_id)
    yield _hash(keys.scanner(scanner_id), row.fields() if row else {})


def history_keys(history: History, keys: Keys) -> list[bytes]:
    """The keys of the rollups by action, one for each hour and day that has any."""
    return [key_of(start) for key_of, buckets in history.rollups.of_actions(keys) for start in buckets.starts()]


def render_history(history: History, keys: Keys, key: bytes) -> Rendered:
    """One key of `history_keys`; without content if its time has run out meanwhile."""
    start = int(key.rpartition(b":")[2])
    (buckets,) = (buckets for key_of, buckets in history.rollups.of_actions(keys) if key_of(start) == key)
    return Rendered(key, "hash", {name.encode(): json for name, json in buckets.contents(start).items()})


def _scores(table: Table[_S]) -> dict[bytes, int]:
    """The scores as a sorted set holds them: doubles, exact below 2^53, above which are only ids made by hand."""
    return {name.encode(): int(float(milliseconds_of(row.last_entry_id))) for name, row in _rows(table)}


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


def _hash(key: bytes, fields: Mapping[str, object] | Mapping[int, int]) -> Rendered:
    return Rendered(key, "hash", {str(name).encode(): str(value).encode() for name, value in fields.items()})
