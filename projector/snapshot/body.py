"""The body of a snapshot: a history as the contents of its keys, packed by MessagePack and compressed with zstd."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.msgpack import decode, encode

from projector.bounds import Bounds
from projector.checkpoint import Checkpoint
from projector.compression.zstd import zstd
from projector.entry_id import order_of
from projector.fold.failures.failed_runs import FailedRuns
from projector.fold.history import ROW_PARSERS, History, Totals
from projector.fold.rendering import render
from projector.fold.rollups.rollups import ALL
from projector.fold.statistics import ActionStatistics, ScannerStatistics
from projector.keys import Keys


class _Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By each key's suffix (`Keys.suffix_of`) its content, as `projector/fold/rendering.py` describes it. The sorted
    sets are left out: they hold no more than the hashes of their members."""

    lists: dict[bytes, list[bytes]]
    hashes: dict[bytes, dict[bytes, bytes]]
    streams: dict[bytes, list[tuple[bytes, list[bytes]]]]


def packed(history: History, keys: Keys) -> bytes:
    """The body for a history that is whole in memory, and in which something was folded."""
    contents: dict[str, dict[bytes, Any]] = {"list": {}, "hash": {}, "stream": {}, "zset": {}}
    for key, kind, content in render(history, keys):
        contents[kind][keys.suffix_of(key)] = content
    body = _Body(lists=contents["list"], hashes=contents["hash"], streams=contents["stream"])
    compressed: bytes = zstd().compress(encode(body))
    return compressed


def unpacked(body: bytes, bounds: Bounds, keys: Keys) -> History:
    """The history, with `bounds` those that it was made with. Raises ValueError for what `packed` did not make."""
    try:
        found = decode(zstd().decompress(body), type=_Body)
        return _history(found, bounds, keys)
    except (zstd().ZstdError, KeyError) as error:
        raise ValueError(f"expected a history, found another content: {error}") from error


def _history(found: _Body, bounds: Bounds, keys: Keys) -> History:
    history = History(bounds)
    checkpoint = Checkpoint.of_hash(found.hashes[b"checkpoint"], keys.checkpoint)
    assert checkpoint is not None
    history.stand_at(checkpoint)
    history.totals = Totals.of_hash(found.hashes[b"totals"])
    for name in ("executions", "failures", "cleanups"):
        getattr(history, name).extend(reversed(found.lists.get(name.encode(), [])))
    for name, row_of in ROW_PARSERS.items():
        rows = {key.decode(): row_of(raw) for key, raw in found.hashes.get(name.encode(), {}).items()}
        _fill(history, name, rows, {key: row.entry_id for key, row in rows.items()})
    actions, scanners = {}, {}
    for suffix, fields in found.hashes.items():
        match keys.family_of(keys.prefixed(suffix)):
            case "action", name:
                durations = found.hashes.get(b"durations:" + name.encode(), {})
                actions[name] = ActionStatistics.of_hashes(fields, durations)
            case "scanner", name:
                scanners[name] = ScannerStatistics.of_hash(fields)
    _fill(history, "actions", actions, {name: row.last_entry_id for name, row in actions.items()})
    _fill(history, "scanners", scanners, {name: row.last_entry_id for name, row in scanners.items()})
    for action_id in actions:
        records = found.lists.get(b"executions:" + action_id.encode(), [])
        if records:
            history.executions_of[action_id] = deque(reversed(records), maxlen=bounds.max_action_entries)
    _fill_failures(history, found, keys)
    _fill_rollups(history, found, keys)
    quarantined = {entry_id.decode(): fields for entry_id, fields in found.streams.get(b"quarantine", [])}
    _fill(history, "quarantine", quarantined, {entry_id: entry_id for entry_id in quarantined})
    return history


def _fill_failures(history: History, found: _Body, keys: Keys) -> None:
    for action_id in history.actions.rows:
        kinds, durations = keys.failure_kinds(action_id), keys.failure_durations(action_id)
        hashes = [found.hashes.get(keys.suffix_of(key), {}) for key in (kinds, durations)]
        if any(hashes):
            history.failed_runs[action_id] = failed = FailedRuns(loaded=False)
            failed.load(*hashes)


def _fill_rollups(history: History, found: _Body, keys: Keys) -> None:
    rollups = history.rollups
    rollups.settle(history.checkpoint.last_id)
    for key, buckets in rollups.of_all(keys):
        all_rows = found.hashes.get(keys.suffix_of(key), {})
        for start in sorted(map(int, all_rows)):
            buckets.fill(start, {ALL: all_rows[b"%d" % start]})
    for key_of, buckets in rollups.of_actions(keys):
        for start in buckets.kept_starts():
            if rows := found.hashes.get(keys.suffix_of(key_of(start))):
                buckets.fill(start, {name.decode(): json for name, json in rows.items()})


def _fill(history: History, table: str, rows: Mapping[str, Any], touched: Mapping[str, str]) -> None:
    """Fill a table with `rows`, in the order of the entries that `touched` them last."""
    for key, row in rows.items():
        getattr(history, table).load(key, row)
    getattr(history, table).load_order(sorted(touched, key=lambda key: order_of(touched[key])))
