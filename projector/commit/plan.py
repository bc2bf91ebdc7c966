"""The plan of a commit: the writes that bring the projection in Redis to where the history stands.

Of each table a commit first deletes the dropped rows, so that a row that came again starts anew. It pushes and trims
lists, and writes everything else as its absolute value, once however often the batch touched it. Of a hash of
statistics it writes the fields that changed.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any

import hiredis

from producer.connection.wire import pack
from projector.fold.history import History
from projector.fold.record import to_json
from projector.fold.rollups.rollups import Rollups
from projector.fold.table import Table
from projector.keys import Keys

_VALUES = 7000
"""Values of one command at most: Lua's `unpack` takes fewer than 8000. Even, so that pairs stay together."""

Value = str | bytes | int


class Plan:
    """The writes of a commit in their order, as the bytes of one Redis command each: its name, one key, the values.

    The checkpoint is not among `commands`; `checkpoint` has its fields and values alternately.
    """

    __slots__ = ("checkpoint", "commands")

    def __init__(self, checkpoint: list[Value]) -> None:
        self.checkpoint = checkpoint
        self.commands: list[bytes] = []

    @property
    def size(self) -> int:
        """Bytes of the commands."""
        return sum(map(len, self.commands))

    def write(self, command: str, key: bytes, values: list[Value]) -> None:
        """Add as many commands as `values` need: none for no values."""
        for at in range(0, len(values), _VALUES):
            self.commands.append(pack((command, key, *values[at : at + _VALUES])))

    def push(self, key: bytes, bound: int, records: Collection[bytes]) -> None:
        """Add a push onto the head of a list that keeps the newest `bound` records."""
        if records:
            self.write("LPUSH", key, [*records])
            self.commands.append(pack(("LTRIM", key, 0, bound - 1)))


def plan_of(history: History, keys: Keys) -> Plan:
    """The writes for all changes in `history` since its last commit."""
    history.settle()
    plan, bound = Plan(_flat(history.checkpoint_fields().items())), history.bounds.max_entries
    plan.push(keys.executions, bound, history.executions)
    plan.push(keys.failures, bound, history.failures)
    plan.push(keys.cleanups, bound, history.cleanups)
    _rows(plan, keys.in_flight, history.in_flight)
    _rows(plan, keys.orphans, history.orphans)
    _rows(plan, keys.producers, history.producers)
    _actions(plan, history, keys)
    _scanners(plan, history, keys)
    _rollups(plan, history.rollups, keys)
    plan.write("HSET", keys.totals, _flat(history.totals.fields().items()))
    plan.write("XDEL", keys.quarantine, [*history.quarantine.dropped])
    for entry_id, fields in history.quarantine.changes():
        plan.commands.append(pack(("XADD", keys.quarantine, entry_id, *fields)))
    return plan


def _rows(plan: Plan, key: bytes, table: Table[Any]) -> None:
    plan.write("HDEL", key, [*table.dropped])
    plan.write("HSET", key, _flat((name, to_json(row)) for name, row in table.changes()))


def _actions(plan: Plan, history: History, keys: Keys) -> None:
    for action_id in history.actions.dropped:
        plan.commands.append(pack(("DEL", *keys.of_action(action_id))))
    # The hot part: 0.45 actions an entry with 5000 actions. So no `write` and no `push`, which take as long again.
    add, bound = plan.commands.append, history.bounds.max_action_entries - 1
    for action_id, row in history.actions.changes():
        add(pack(("HSET", keys.action(action_id), *row.take_changes())))
        if row.changed_counts:
            add(pack(("HSET", keys.durations(action_id), *row.take_counts())))
        if action_id in history.executions_of:
            key = keys.executions_of(action_id)
            add(pack(("LPUSH", key, *history.executions_of[action_id])))
            add(pack(("LTRIM", key, 0, bound)))
    for action_id, failed in history.failing.items():
        dropped, kinds, durations = failed.changes()
        plan.write("HDEL", keys.failure_kinds(action_id), [*dropped])
        plan.write("HSET", keys.failure_kinds(action_id), _flat(kinds))
        plan.write("HSET", keys.failure_durations(action_id), _flat(durations.items()))
    _index(plan, keys.actions, history.actions)


def _scanners(plan: Plan, history: History, keys: Keys) -> None:
    for scanner_id in history.scanners.dropped:
        plan.commands.append(pack(("DEL", keys.scanner(scanner_id))))
    for scanner_id, row in history.scanners.changes():
        plan.write("HSET", keys.scanner(scanner_id), [*row.take_changes(), *row.take_counts()])
    _index(plan, keys.scanners, history.scanners)


def _rollups(plan: Plan, rollups: Rollups, keys: Keys) -> None:
    for key, buckets in rollups.of_all(keys):
        plan.write("HDEL", key, [*buckets.expired()])
        plan.write("HSET", key, _flat((start, json) for start, rows in buckets.changes() for _, json in rows))
    for key_of, buckets in rollups.of_actions(keys):
        for start in buckets.expired():
            plan.commands.append(pack(("DEL", key_of(start))))
        for start, rows in buckets.changes():
            plan.write("HSET", key_of(start), _flat(rows))


def _index(plan: Plan, key: bytes, table: Table[Any]) -> None:
    plan.write("ZREM", key, [*table.dropped])
    plan.write("ZADD", key, _flat((row.last_entry_id.partition("-")[0], name) for name, row in table.changes()))


def _flat(pairs: Iterable[tuple[Value, Value]]) -> list[Value]:
    return [*chain.from_iterable(pairs)]


def unpacked(commands: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Each command as its name, a key and the values; of a DEL of many keys, a DEL for each."""
    reader = hiredis.Reader()
    for command in commands:
        reader.feed(command)
        name, *rest = reader.gets()
        yield from ([name, key] for key in rest) if name == b"DEL" else ([name, *rest],)
