"""How a history comes to stand for the projection in Redis: what is small at once, what is large when it is needed.

Reads here need no transaction: the commit's fence refuses whatever was folded from a projection that has moved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from producer.connection.wire import pairs_of
from producer.operations import (
    ActionExecutionCompleted,
    ActionExecutionOrphaned,
    ActionExecutionStarted,
    CleanupExecuted,
    QuarantineDropped,
)
from projector.bounds import SCHEMA, Bounds
from projector.checkpoint import Checkpoint
from projector.entry_id import order_of
from projector.errors import ConfigMismatch, Damaged
from projector.fold.entry import Entry
from projector.fold.fold import execution_key
from projector.fold.history import TOTALS_FIELDS, History
from projector.fold.record import in_flight_of
from projector.fold.sequence import Sequence
from projector.fold.statistics import ActionStatistics, ScannerStatistics
from projector.fold.table import Table
from projector.keys import Keys
from projector.records import InFlightRecord
from projector.worker.link import Link

__all__ = ["Loader", "check_config", "read_checkpoint"]


_V = TypeVar("_V")
_D = TypeVar("_D", InFlightRecord, Sequence)
_PAGE = 100


def check_config(checkpoint: Checkpoint | None, bounds: Bounds, namespace: str) -> None:
    """Raises ConfigMismatch when the projection was made with another schema or other bounds."""
    if checkpoint is None or checkpoint.is_made_with(bounds):
        return
    try:
        theirs, ours = asdict(checkpoint.bounds()), asdict(bounds)
    except ValueError:
        theirs, ours = {}, {}
    different = [name for name in ours if ours[name] != theirs[name]]
    found = ", ".join(f"{name} {theirs[name]}" for name in different) or f"schema {checkpoint.schema}"
    expected = ", ".join(f"{name} {ours[name]}" for name in different) or f"schema {SCHEMA}"
    options = "".join(f" --{name.replace('_', '-')} {ours[name]}" for name in different)
    raise ConfigMismatch(
        f"the projection of namespace {namespace} was made with {found}, this projector has {expected}: "
        f"start it as before, or make the projection anew with: projector rebuild{options}"
    )


def read_checkpoint(link: Link, keys: Keys) -> Checkpoint | None:
    """The checkpoint as it stands in Redis; None where there is none."""
    return Checkpoint.of_hash(pairs_of(link.call("HGETALL", keys.checkpoint)), keys.checkpoint)


class Loader:
    """Loads what the fold of a batch asks for, into one history."""

    def __init__(self, link: Link, keys: Keys, history: History) -> None:
        self._link = link
        self._keys = keys
        self._history = history
        self.whole = False
        """Whether all is in memory but rows of actions and scanners that nothing has touched yet."""
        self._first_batch = True

    def load_tables(self) -> None:
        """Load the totals, and how large each table is."""
        keys, history = self._keys, self._history
        totals, *sizes = self._link.call_all(
            [
                ("HGETALL", keys.totals),
                ("HLEN", keys.in_flight),
                ("HLEN", keys.orphans),
                ("HLEN", keys.producers),
                ("ZCARD", keys.actions),
                ("ZCARD", keys.scanners),
                ("XLEN", keys.quarantine),
            ]
        )
        with _damage_in(keys.totals):
            found = pairs_of(totals)
            for name in TOTALS_FIELDS:
                setattr(history.totals, name, int(found.get(name.encode(), 0)))
        for table, size in zip(history.tables(), sizes, strict=True):
            table.unload(size)

    def prepare(self, entries: list[Entry]) -> None:
        """Load every row that the fold of `entries` can ask for, and the order of a table that may have to evict.

        Until `whole`, `entries` must be all that is folded before the next commit: what is loaded then would undo
        what is folded and not committed. Afterwards only rows that nothing has touched are loaded.
        """
        history, keys = self._history, self._keys
        if not self.whole:
            runs = _names(
                entries, _run_of, (ActionExecutionStarted, ActionExecutionCompleted, ActionExecutionOrphaned)
            )
            starting = _names(entries, _run_of, (ActionExecutionStarted,))
            orphaned = _names(entries, _run_of, (ActionExecutionOrphaned,))
            producers = [*{entry.by: None for entry in entries if entry.by is not None}]
            self._prepare_hash(history.in_flight, keys.in_flight, in_flight_of, runs, starting)
            self._prepare_hash(history.orphans, keys.orphans, in_flight_of, runs, orphaned)
            self._prepare_hash(history.producers, keys.producers, Sequence.of_json, producers, producers)
            self._prepare_quarantine(entries)
        if not history.actions.whole:
            self._prepare_actions(_names(entries, _action_of, (ActionExecutionCompleted, ActionExecutionOrphaned)))
        if not history.scanners.whole:
            self._prepare_scanners(_names(entries, _scanner_of, (CleanupExecuted,)))
        if not self.whole:
            self._first_batch = False
            self.whole = all(table.order is not None for table in history.tables())

    # The first batch of a session gets just its rows, so that a takeover is quick; then the whole table is loaded,
    # so that no later batch has to ask. Only a table that may have to evict is loaded whole at once.

    def _prepare_hash(
        self, table: Table[_D], key: bytes, parse: Callable[[bytes], _D], wanted: list[str], newcomers: list[str]
    ) -> None:
        """`newcomers` are those of `wanted` that the batch may put into the table."""
        if table.order is not None:
            return
        unknown = [name for name in wanted if not table.knows(name)]
        if self._first_batch:
            for name, raw in zip(unknown, self._link.call("HMGET", key, *unknown) if unknown else (), strict=True):
                with _damage_in(key, name):
                    table.load(name, None if raw is None else parse(raw))
            if table.size + sum(table.get(name) is None for name in newcomers) <= table.bound:
                return
        rows: dict[str, _D] = {}
        touched: dict[str, tuple[int, int]] = {}
        for field, raw in pairs_of(self._link.call("HGETALL", key)).items():
            with _damage_in(key, field.decode("utf-8", "replace")):
                row = parse(raw)
                rows[field.decode()] = row
                touched[field.decode()] = order_of(row.entry_id)
        for name, loaded in rows.items():
            table.load(name, loaded)
        table.load_order(sorted(rows, key=touched.__getitem__))

    def _prepare_actions(self, wanted: list[str]) -> None:
        keys, table = self._keys, self._history.actions
        unknown = [action_id for action_id in wanted if not table.knows(action_id)]
        if not unknown:
            return
        commands: list[tuple[Any, ...]] = []
        for action_id in unknown:
            commands += (("HGETALL", keys.action(action_id)), ("HGETALL", keys.durations(action_id)))
        replies = self._link.call_all(commands)
        for action_id, fields, durations in zip(unknown, replies[0::2], replies[1::2], strict=True):
            with _damage_in(keys.action(action_id)):
                found = pairs_of(fields)
                row = ActionStatistics.of_hashes(found, pairs_of(durations)) if found else None
                table.load(action_id, row)
        self._prepare_order(table, keys.actions, keys.action, unknown)

    def _prepare_scanners(self, wanted: list[str]) -> None:
        keys, table = self._keys, self._history.scanners
        unknown = [scanner_id for scanner_id in wanted if not table.knows(scanner_id)]
        if not unknown:
            return
        replies = self._link.call_all([("HGETALL", keys.scanner(scanner_id)) for scanner_id in unknown])
        for scanner_id, fields in zip(unknown, replies, strict=True):
            with _damage_in(keys.scanner(scanner_id)):
                found = pairs_of(fields)
                table.load(scanner_id, ScannerStatistics.of_hash(found) if found else None)
        self._prepare_order(table, keys.scanners, keys.scanner, unknown)

    def _prepare_order(
        self, table: Table[_V], index: bytes, key_of: Callable[[str], bytes], newcomers: list[str]
    ) -> None:
        """Load the order of eviction, once it may be needed. Scores are milliseconds: the rest is in the hashes."""
        if table.order is not None:
            return
        if self._first_batch and table.size + sum(table.get(name) is None for name in newcomers) <= table.bound:
            return
        members = [name.decode() for name in self._link.call("ZRANGE", index, 0, -1)]
        ids: list[bytes | None] = []
        for at in range(0, len(members), 10 * _PAGE):
            page = members[at : at + 10 * _PAGE]
            ids += self._link.call_all([("HGET", key_of(member), "last_entry_id") for member in page])
        with _damage_in(index):
            touched = {member: order_of((raw or b"").decode()) for member, raw in zip(members, ids, strict=True)}
        table.load_order(sorted(members, key=touched.__getitem__))

    def _prepare_quarantine(self, entries: list[Entry]) -> None:
        table = self._history.quarantine
        if table.order is None and (
            not self._first_batch
            or table.size + self._may_be_set_aside(entries) > table.bound
            or any(entry.retry_of is not None or type(entry.operation) is QuarantineDropped for entry in entries)
        ):
            self._load_quarantine()

    def _may_be_set_aside(self, entries: list[Entry]) -> int:
        """At most so many of `entries` go to the quarantine: what cannot be read, and numbers out of succession."""
        highest: dict[str, int] = {}
        doubtful: set[str] = set()
        for by, seq in ((entry.by, entry.seq) for entry in entries if entry.by is not None):
            if by not in highest:
                sequence = self._history.producers.get(by) or Sequence()
                highest[by] = sequence.highest
                if sequence.closed or sequence.gaps:
                    doubtful.add(by)
            if seq != highest[by] + 1:
                doubtful.add(by)
            highest[by] = seq
        return sum(entry.operation is None or entry.by in doubtful for entry in entries)

    def _load_quarantine(self) -> None:
        ids: list[str] = []
        after = "-"
        while page := self._link.call("XRANGE", self._keys.quarantine, after, "+", "COUNT", _PAGE):
            ids += [entry_id.decode() for entry_id, _ in page]
            after = f"({ids[-1]}"
        table = self._history.quarantine
        table.load_order(ids)
        for entry_id in ids:
            table.load(entry_id, [])  # what stands there is never written again


def _names(entries: list[Entry], name_of: Callable[[Any], str], kinds: tuple[type, ...]) -> list[str]:
    """What `name_of` says of the operations of `kinds`, each name once."""
    return [*{name_of(operation): None for entry in entries if type(operation := entry.operation) in kinds}]


def _run_of(operation: Any) -> str:
    return execution_key(operation.action_id, operation.execution_id)


def _action_of(operation: Any) -> str:
    return operation.action_id  # type: ignore[no-any-return]


def _scanner_of(operation: Any) -> str:
    return operation.scanner_id  # type: ignore[no-any-return]


class _damage_in:  # noqa: N801 - reads as a statement
    """What cannot be parsed in the block becomes Damaged, naming the key."""

    def __init__(self, key: bytes, field: str = "") -> None:
        self._where = key.decode("utf-8", "replace") + (f", field {field!r}" if field else "")

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, ValueError | TypeError | KeyError | AttributeError):
            raise Damaged(
                f"{self._where}: expected what the projector wrote, found something else; "
                "somebody changed it: mend it with: projector rebuild"
            ) from error
