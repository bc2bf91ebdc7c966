"""The loader: makes a history in memory stand for the projection in Redis, and loads rows when a batch needs them.

The reads need no transaction: the commit's fence refuses a batch that was folded from a projection that has moved.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from producer.connection.wire import pairs_of
from producer.log import Stream
from projector.bounds import SCHEMA, Bounds
from projector.checkpoint import Checkpoint
from projector.commit.link import Link
from projector.entry_id import milliseconds_of, order_of
from projector.errors import ConfigMismatch, command_for
from projector.fold.entry import Entry
from projector.fold.fold import asked_of
from projector.fold.history import ROW_PARSERS, History, Totals
from projector.fold.record import in_flight_of
from projector.fold.rollups.rollups import ALL
from projector.fold.statistics import ActionStatistics, ScannerStatistics
from projector.fold.table import Table
from projector.keys import Keys
from projector.worker.damage import damage_in
from projector.worker.eviction_order import oldest_of_hash, oldest_of_index, order_of_index

_ENTRIES_A_PAGE = 100
_SIZE = {"hash": "HLEN", "zset": "ZCARD", "stream": "XLEN"}
"""The command that tells how many rows a key of a type holds."""


def check_config(checkpoint: Checkpoint | None, bounds: Bounds, namespace: str) -> None:
    """Raises ConfigMismatch if the projection was made with another schema or other bounds."""
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
        f"start it as before, or make the projection anew with: {command_for(namespace, f'rebuild{options}')}"
    )


def read_checkpoint(link: Link, keys: Keys) -> Checkpoint | None:
    """The checkpoint as it stands in Redis; None where there is none."""
    return Checkpoint.of_hash(pairs_of(link.call("HGETALL", keys.checkpoint)), keys.checkpoint)


class Loader:
    """Loads into `history` the rows that the fold of a batch may ask for, as the fold's rules declare them.

    The first batch of a session gets no more than its own rows, and the head of the order of a table that may have
    to evict, so that a takeover is quick. Then each table is loaded whole, so that no later batch has to wait. Only
    the statistics of actions and scanners, which are large, are loaded row by row; of these the order is.
    """

    def __init__(self, link: Link, keys: Keys, history: History) -> None:
        self._link = link
        self._keys = keys
        self._history = history
        self.whole = False
        """Whether all is in memory but the statistics of actions and scanners that no entry has touched yet."""
        self._first_batch = True
        self._first_commit = True

    def load_tables(self) -> None:
        """Load the totals, and the size of each table."""
        tables = self._history.tables()
        keys = [getattr(self._keys, name) for name in tables]
        sizes = [(_SIZE[self._keys.fixed[key]], key) for key in keys]
        totals, *replies = self._link.call_all([("HGETALL", self._keys.totals), *sizes])
        with damage_in(self._keys.totals):
            self._history.totals = Totals.of_hash(pairs_of(totals))
        if self._history.checkpoint.last_id:
            self._history.failures_elsewhere = True
            self._unload_rollups()
        for table, size in zip(tables.values(), replies, strict=True):
            table.unload(size)

    def prepare(self, entries: list[Entry]) -> None:
        """Load every row that the fold of `entries` may ask for, and the order of each table that may have to evict.

        Until `whole`, `entries` must be all that is folded before the next commit, because a table that is loaded
        whole forgets what was folded and not committed. Afterwards only rows that no entry has touched are loaded.
        """
        if not self.whole:
            for table, parse in ROW_PARSERS.items():
                self._prepare_hash(table, parse, entries)
            self._prepare_quarantine(entries)
        for table, keys_of, row_of in (
            (
                "actions",
                lambda name: (self._keys.action(name), self._keys.durations(name)),
                ActionStatistics.of_hashes,
            ),
            ("scanners", lambda name: (self._keys.scanner(name),), ScannerStatistics.of_hash),
        ):
            if not getattr(self._history, table).whole:
                self._prepare_statistics(table, keys_of, row_of, entries)
        if not self.whole:
            self._first_batch = False
            self.whole = all(table.order is not None for table in self._history.tables().values())

    def load_counted(self) -> None:
        """Load what the history counted of a batch for the commit: rows of rollups, and the failed runs of actions
        that failed. All that was folded before the batch must have been committed, or be under way."""
        for key, buckets, names in self._history.rollups.unknown(self._keys):
            if self._first_commit:
                raws = self._link.call("HMGET", key, *names)
                rows = dict(zip(names, raws, strict=True))
            else:
                rows = {name.decode(): raw for name, raw in pairs_of(self._link.call("HGETALL", key)).items()}
            with damage_in(key):
                buckets.load(rows, whole=not self._first_commit)
        self._first_commit = False
        unknown = {name: failed for name, failed in self._history.failing.items() if not failed.loaded}
        keys = [
            key for name in unknown for key in (self._keys.failure_kinds(name), self._keys.failure_durations(name))
        ]
        replies = iter(self._link.call_all([("HGETALL", key) for key in keys]) if keys else ())
        for name, failed in unknown.items():
            with damage_in(self._keys.failure_kinds(name)):
                failed.load(pairs_of(next(replies)), pairs_of(next(replies)))

    def _unload_rollups(self) -> None:
        """Stand for the rollups in Redis; those of all actions together are small, and loaded at once."""
        rollups, at = self._history.rollups, milliseconds_of(self._history.checkpoint.last_id)
        of_all, of_actions = rollups.of_all(self._keys), rollups.of_actions(self._keys)
        starts = [(key, buckets, buckets.start_of(at)) for key, buckets in of_all]
        sizes = [("HLEN", key_of(buckets.start_of(at))) for key_of, buckets in of_actions]
        replies = iter(self._link.call_all([*(("HGET", key, start) for key, _, start in starts), *sizes]))
        for (key, buckets, start), raw in zip(starts, replies, strict=False):
            buckets.unload(at, 0 if raw is None else 1)
            with damage_in(key, str(start)):
                buckets.load({ALL: raw}, whole=True)
        for (_, buckets), size in zip(of_actions, replies, strict=True):
            buckets.unload(at, size)

    def _prepare_hash(self, name: str, parse: Callable[[bytes], Any], entries: list[Entry]) -> None:
        table, key = getattr(self._history, name), getattr(self._keys, name)
        if table.order is not None:
            return
        if self._first_batch:
            asked = asked_of(name, entries)
            unknown = [field for field in asked if not table.knows(field)]
            for field, raw in zip(unknown, self._link.call("HMGET", key, *unknown) if unknown else (), strict=True):
                with damage_in(key, field):
                    table.load(field, None if raw is None else parse(raw))
            if self._has_room(name, asked):
                return
        if self._head_will_do(table, entries):
            table.load_head(oldest_of_hash(self._link, key, len(entries)))
        else:
            self._load_hash(table, key, parse)

    def load_in_flight(self) -> None:
        """Load the runs in flight whole. All that was folded must have been committed."""
        table = self._history.in_flight
        if table.order is None:
            self._load_hash(table, self._keys.in_flight, in_flight_of)

    def _load_hash(self, table: Table[Any], key: bytes, parse: Callable[[bytes], Any]) -> None:
        touched: dict[str, tuple[int, int]] = {}
        found = pairs_of(self._link.call("HGETALL", key))
        with damage_in(key) as at:
            for raw_field, raw in found.items():
                at.field = raw_field
                field, row = raw_field.decode(), parse(raw)
                touched[field] = order_of(row.entry_id)
                table.load(field, row)
        table.load_order(sorted(touched, key=touched.__getitem__))

    def _has_room(self, name: str, asked: dict[str, bool]) -> bool:
        """Whether the table evicts nothing, whatever the batch adds of the rows `asked` for, which are loaded."""
        table = getattr(self._history, name)
        new = sum(adds and table.get(row) is None for row, adds in asked.items())
        return bool(table.size + new <= table.bound)

    def _head_will_do(self, table: Table[Any], entries: list[Entry]) -> bool:
        """Whether evictions get by with the oldest rows, one for each of `entries`: no rule touches, takes out or
        evicts more than one row of a table. Where there are no more rows, one that `entries` added may have to go."""
        return self._first_batch and table.size > len(entries)

    def _prepare_statistics(
        self,
        name: str,
        keys_of: Callable[[str], tuple[bytes, ...]],
        row_of: Callable[..., Any],
        entries: list[Entry],
    ) -> None:
        table, index, asked = getattr(self._history, name), getattr(self._keys, name), asked_of(name, entries)
        unknown = [row for row in asked if not table.knows(row)]
        if not unknown:
            return
        replies = iter(self._link.call_all([("HGETALL", key) for row in unknown for key in keys_of(row)]))
        for row in unknown:
            keys = keys_of(row)
            hashes = [pairs_of(next(replies)) for _ in keys]
            with damage_in(keys[0]):
                table.load(row, row_of(*hashes) if hashes[0] else None)
        if table.order is not None or (self._first_batch and self._has_room(name, asked)):
            return
        if self._head_will_do(table, entries):
            table.load_head(oldest_of_index(self._link, index, keys_of, len(entries)))
        else:
            table.load_order(order_of_index(self._link, index, keys_of))

    def _prepare_quarantine(self, entries: list[Entry]) -> None:
        table, stream = self._history.quarantine, Stream(self._link.call, self._keys.quarantine)
        if table.order is not None:
            return
        if self._head_will_do(table, entries) and not asked_of("quarantine", entries):
            table.load_head(entry_id.decode() for entry_id, _ in stream.after("", len(entries)))
            return
        ids = [""]
        while page := stream.after(ids[-1], _ENTRIES_A_PAGE):
            ids += [entry_id.decode() for entry_id, _ in page]
        table.load_order(ids[1:])
        for entry_id in ids[1:]:
            table.load(entry_id, [])  # no commit writes these fields again
