"""The records of a projection whose entries are no longer in the log, in words and as they stand there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from producer.text.moment import in_utc
from projector.archive.archive import Archive
from projector.connection.reader import Reader
from projector.entry_id import order_of_any
from projector.errors import text_of
from projector.keys import Keys

_DONE = {"delete": "deleted", "release": "released", "archive": "archived"}
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Orphaned:
    """A record under `key` whose entry is gone; `record` is its JSON, and for the quarantine the entry as kept."""

    entry_id: str
    key: bytes
    record: dict[str, Any]

    @property
    def line(self) -> bytes:
        """The record as a line of JSON, beside its key."""
        return json.dumps({"key": text_of(self.key), **self.record}).encode()

    def __str__(self) -> str:
        """`lock:b released by stale-locks at 2026-11-26 02:00:00 UTC`."""
        found = self.record
        match found:
            case {"resource_id": resource, "scanner_id": scanner, "action": action, "timestamp": int(at)}:
                return f"{resource} {_DONE.get(action, action)} by {scanner} at {in_utc(at)}"
            case {"action_id": action_id, "success": success, "timestamp": int(at)}:
                return f"{action_id} {'ended well' if success else 'failed'} at {in_utc(at)}"
            case {"action_id": action_id, "started_at": int(at)}:
                return f"{action_id} started at {in_utc(at)}"
        return f"entry {self.entry_id} of {text_of(self.key)}"


def without_entry(
    reader: Reader, keys: Keys, *, archive: Archive | None = None, of_actions: bool = False
) -> list[Orphaned]:
    """The records whose entries are neither in the log nor in `archive`, each entry once, the latest first.

    Looks into the lists that every projection has, and if `of_actions` into those of each action. What no projector
    wrote is passed over. Raises what `reader` and `archive` do.
    """
    wanted = keys.fixed
    if of_actions:
        names = [text_of(raw) for raw in reader.call("ZRANGE", keys.actions, 0, -1)]
        wanted = wanted | {keys.executions_of(name): "list" for name in names}
    known: dict[str, Orphaned] = {}
    for key, kind in wanted.items():
        for found in _records(reader, keys, key, kind):
            known.setdefault(found.entry_id, found)
    replies = reader.each(*(("XRANGE", keys.wal, entry_id, entry_id) for entry_id in known))
    gone = [found for found, there in zip(known.values(), replies, strict=True) if not there]
    if archive is not None:
        gone = [found for found in gone if archive.entry(found.entry_id) is None]
    return sorted(gone, key=lambda found: order_of_any(found.entry_id), reverse=True)


def _records(reader: Reader, keys: Keys, key: bytes, kind: str) -> Iterator[Orphaned]:
    raws: list[bytes] = []
    if key == keys.quarantine:
        after = "-"
        while page := reader.call("XRANGE", key, after, "+", "COUNT", _PAGE):
            for entry_id, fields in page:
                kept = [text_of(part) for part in fields]
                yield Orphaned(entry_id.decode(), key, {"entry_id": entry_id.decode(), "quarantined": kept})
            after = f"({page[-1][0].decode()}"
    elif kind == "list":
        raws = reader.call("LRANGE", key, 0, -1)
    elif key in (keys.in_flight, keys.orphans):
        raws = list(reader.call("HGETALL", key).values())
    for raw in raws:
        with suppress(ValueError, KeyError, TypeError):
            record = json.loads(raw)
            if order_of_any(record["entry_id"]) > (0, 0):
                yield Orphaned(record["entry_id"], key, record)
