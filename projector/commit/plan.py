"""The plan of a commit: the writes that bring the projection in Redis to where the history stands.

A commit first deletes the dropped rows, so that a row that came again starts anew. It pushes and trims lists, and
writes everything else as its absolute value, once however often the batch touched it. Of a hash of statistics it
writes the fields that changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import msgspec

from projector.entry_id import milliseconds_of
from projector.fold.history import History
from projector.fold.record import to_json
from projector.keys import Keys

_UNPACKED = 7000
"""Arguments of one command: Lua's `unpack` takes fewer than 8000. Even, so that pairs stay together."""

_pack = msgspec.msgpack.Encoder().encode


class Plan:
    """Writes, each to one key, as commit.lua reads them: command, index of the key, number of values, the values.

    `writes` has text only, numbers included (a number in Lua is a double); `raw` has bytes that may be no text.
    """

    __slots__ = ("_index", "keys", "raw", "types", "writes")

    def __init__(self) -> None:
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

    def arguments(self, checkpoint: list[str]) -> list[str | int | bytes]:
        """The arguments of commit.lua behind the ids; `checkpoint` has its fields and values alternately."""
        # Packed, because as many arguments would cost this process and the server more.
        return [_pack((self.types, checkpoint, self.writes)), *self.raw]

    def _at(self, key: bytes, kind: str) -> int:
        at = self._index.get(key)
        if at is None:
            self.keys.append(key)
            self.types.append(kind)
            at = self._index[key] = len(self.keys) + 3  # behind the log, the lease and the checkpoint
        return at


def plan_of(history: History, keys: Keys) -> Plan:
    """The writes for all changes in `history` since its last commit."""
    plan = Plan()
    _drop(plan, history, keys)
    _lists(plan, history, keys)
    _hash(plan, keys.in_flight, ((key, to_json(row).decode()) for key, row in history.in_flight.changes()))
    _hash(plan, keys.orphans, ((key, to_json(row).decode()) for key, row in history.orphans.changes()))
    _hash(plan, keys.producers, ((key, row.to_json().decode()) for key, row in history.producers.changes()))
    _actions(plan, history, keys)
    _scanners(plan, history, keys)
    _hash(plan, keys.totals, history.totals.fields().items())
    for entry_id, fields in history.quarantine.changes():
        plan.write_raw("XADD", keys.quarantine, "stream", entry_id, *fields)
    return plan


def _drop(plan: Plan, history: History, keys: Keys) -> None:
    plan.write("HDEL", keys.in_flight, "hash", list(history.in_flight.dropped))
    plan.write("HDEL", keys.orphans, "hash", list(history.orphans.dropped))
    plan.write("HDEL", keys.producers, "hash", list(history.producers.dropped))
    plan.write("XDEL", keys.quarantine, "stream", list(history.quarantine.dropped))
    plan.write("ZREM", keys.actions, "zset", list(history.actions.dropped))
    plan.write("ZREM", keys.scanners, "zset", list(history.scanners.dropped))
    for action_id in history.actions.dropped:
        statistics, durations, executions = keys.of_action(action_id)
        plan.delete(statistics, "hash")
        plan.delete(durations, "hash")
        plan.delete(executions, "list")
    for scanner_id in history.scanners.dropped:
        plan.delete(keys.scanner(scanner_id), "hash")


def _lists(plan: Plan, history: History, keys: Keys) -> None:
    bounds = history.bounds
    plan.push(keys.executions, bounds.max_entries, history.executions)
    plan.push(keys.failures, bounds.max_entries, history.failures)
    plan.push(keys.cleanups, bounds.max_entries, history.cleanups)


def _actions(plan: Plan, history: History, keys: Keys) -> None:
    scores: list[str] = []
    for action_id, row in history.actions.changes():
        scores += (str(milliseconds_of(row.last_entry_id)), action_id)
        statistics, durations, executions = keys.of_action(action_id)
        _hash(plan, statistics, row.changes())
        _hash(plan, durations, row.changed_durations.items())
        plan.push(executions, history.bounds.max_action_entries, history.executions_of.get(action_id, ()))
    plan.write("ZADD", keys.actions, "zset", scores)


def _scanners(plan: Plan, history: History, keys: Keys) -> None:
    scores: list[str] = []
    for scanner_id, row in history.scanners.changes():
        scores += (str(milliseconds_of(row.last_entry_id)), scanner_id)
        _hash(plan, keys.scanner(scanner_id), row.changes())
    plan.write("ZADD", keys.scanners, "zset", scores)


def _hash(plan: Plan, key: bytes, fields: Iterable[tuple[object, object]]) -> None:
    plan.write("HSET", key, "hash", _texts(fields))


def _texts(fields: Iterable[tuple[object, object]]) -> list[str]:
    return [*map(str, chain.from_iterable(fields))]


def checkpoint_fields(history: History) -> list[str]:
    """The checkpoint as fields and values, alternately."""
    return _texts(history.checkpoint_fields().items())
