"""The plan of a commit: the writes that bring the projection in Redis to where the history stands.

Of each table a commit first deletes the dropped rows, so that a row that came again starts anew. It pushes and trims
lists, and writes everything else as its absolute value, once however often the batch touched it. Of a hash of
statistics it writes the fields that changed.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec

from projector.entry_id import milliseconds_of
from projector.fold.history import History
from projector.fold.record import to_json
from projector.fold.rollups.rollups import Rollups
from projector.fold.table import Table
from projector.keys import Keys

_UNPACKED = 7000
"""Arguments of one command: Lua's `unpack` takes fewer than 8000. Even, so that pairs stay together."""

_PIECE = 256 << 10
"""Bytes of one argument. A server may be configured to take no more than a MiB (proto-max-bulk-len)."""

_pack = msgspec.msgpack.Encoder().encode


class Plan:
    """Writes, each to one key, as commit.lua reads them: command, index of the key, number of values, the values.

    `writes` has text only, numbers included (a number in Lua is a double); `raw` has bytes that may be no text.
    `checkpoint` has the fields and values of the checkpoint alternately.
    """

    __slots__ = ("_checkpoint", "_index", "keys", "raw", "types", "writes")

    def __init__(self, checkpoint: list[str]) -> None:
        self._checkpoint = checkpoint
        self.keys: list[bytes] = []
        self.types: list[str] = []
        self.writes: list[str | int] = []
        self.raw: list[str | int | bytes] = []
        self._index: dict[bytes, int] = {}

    @property
    def size(self) -> int:
        """Keys, commands and values, about."""
        return len(self.keys) + len(self.writes) + len(self.raw)

    def write(self, command: str, key: bytes, kind: str, values: list[str]) -> None:
        """Add as many commands as `values` need: none for no values."""
        for at in range(0, len(values), _UNPACKED):
            part = values[at : at + _UNPACKED]
            self.writes += (command, self._at(key, kind), len(part))
            self.writes += part

    def write_raw(self, command: str, key: bytes, kind: str, *values: str | bytes) -> None:
        self.raw += (command, self._at(key, kind), len(values), *values)

    def push(self, key: bytes, bound: int, records: Iterable[bytes]) -> None:
        """Add a push onto the head of a list that keeps the newest `bound` records."""
        texts = [*map(bytes.decode, records)]
        for at in range(0, len(texts), _UNPACKED - 1):
            self.write("PUSH", key, "list", [str(bound), *texts[at : at + _UNPACKED - 1]])

    def delete(self, key: bytes, kind: str) -> None:
        self.writes += ("DEL", self._at(key, kind), 0)

    def arguments(self) -> list[str | int | bytes]:
        """The arguments of commit.lua behind the ids."""
        # Packed, because as many arguments would cost this process and the server more.
        packed = _pack((self.types, self._checkpoint, self.writes))
        pieces = [packed[at : at + _PIECE] for at in range(0, len(packed), _PIECE)]
        return [len(pieces), *pieces, *self.raw]

    def _at(self, key: bytes, kind: str) -> int:
        at = self._index.get(key)
        if at is None:
            self.keys.append(key)
            self.types.append(kind)
            at = self._index[key] = len(self.keys) + 3  # behind the log, the lease and the checkpoint
        return at


def plan_of(history: History, keys: Keys) -> Plan:
    """The writes for all changes in `history` since its last commit."""
    history.settle()
    plan, bound = Plan(_texts(history.checkpoint_fields().items())), history.bounds.max_entries
    plan.push(keys.executions, bound, history.executions)
    plan.push(keys.failures, bound, history.failures)
    plan.push(keys.cleanups, bound, history.cleanups)
    _rows(plan, keys.in_flight, history.in_flight)
    _rows(plan, keys.orphans, history.orphans)
    _rows(plan, keys.producers, history.producers)
    _actions(plan, history, keys)
    _scanners(plan, history, keys)
    _rollups(plan, history.rollups, keys)
    _hash(plan, keys.totals, history.totals.fields().items())
    plan.write("XDEL", keys.quarantine, "stream", list(history.quarantine.dropped))
    for entry_id, fields in history.quarantine.changes():
        plan.write_raw("XADD", keys.quarantine, "stream", entry_id, *fields)
    return plan


def _rows(plan: Plan, key: bytes, table: Table[Any]) -> None:
    plan.write("HDEL", key, "hash", list(table.dropped))
    _hash(plan, key, ((name, to_json(row).decode()) for name, row in table.changes()))


def _actions(plan: Plan, history: History, keys: Keys) -> None:
    for action_id in history.actions.dropped:
        for key, kind in keys.of_action(action_id).items():
            plan.delete(key, kind)
    for action_id, row in history.actions.changes():
        _hash(plan, keys.action(action_id), row.changes())
        _hash(plan, keys.durations(action_id), row.changed_counts.items())
        executions = history.executions_of.get(action_id, ())
        plan.push(keys.executions_of(action_id), history.bounds.max_action_entries, executions)
    for action_id, failed in history.failing.items():
        dropped, kinds, durations = failed.changes()
        plan.write("HDEL", keys.failure_kinds(action_id), "hash", dropped)
        _hash(plan, keys.failure_kinds(action_id), kinds)
        _hash(plan, keys.failure_durations(action_id), durations.items())
    _index(plan, keys.actions, history.actions)


def _scanners(plan: Plan, history: History, keys: Keys) -> None:
    for scanner_id in history.scanners.dropped:
        plan.delete(keys.scanner(scanner_id), "hash")
    for scanner_id, row in history.scanners.changes():
        _hash(plan, keys.scanner(scanner_id), row.changes())
    _index(plan, keys.scanners, history.scanners)


def _rollups(plan: Plan, rollups: Rollups, keys: Keys) -> None:
    for key, buckets in rollups.of_all(keys):
        plan.write("HDEL", key, "hash", [*map(str, buckets.expired())])
        _hash(plan, key, ((start, json.decode()) for start, rows in buckets.changes() for _, json in rows))
    for key_of, buckets in rollups.of_actions(keys):
        for start in buckets.expired():
            plan.delete(key_of(start), "hash")
        for start, rows in buckets.changes():
            _hash(plan, key_of(start), ((name, json.decode()) for name, json in rows))


def _index(plan: Plan, key: bytes, table: Table[Any]) -> None:
    plan.write("ZREM", key, "zset", list(table.dropped))
    scores = ((milliseconds_of(row.last_entry_id), name) for name, row in table.changes())
    plan.write("ZADD", key, "zset", _texts(scores))


def _hash(plan: Plan, key: bytes, fields: Iterable[tuple[object, object]]) -> None:
    plan.write("HSET", key, "hash", _texts(fields))


def _texts(fields: Iterable[tuple[object, object]]) -> list[str]:
    return [*map(str, chain.from_iterable(fields))]
