"""A stream in memory, which answers what a reader of the log sends as a server does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from producer.log import Entry
from projector.entry_id import order_of


class Stream:
    """Holds `entries`, of the `added` that ever were; `before` is called ahead of each answer."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.added = len(entries)
        self.before: Callable[[], None] = lambda: None

    def call(self, name: str, _key: bytes, *words: Any) -> Any:
        self.before()
        match name:
            case "EXISTS":
                return int(self.added > 0)
            case "XINFO":
                first = self.entries[0] if self.entries else None
                told = {b"length": len(self.entries), b"entries-added": self.added, b"first-entry": first}
                return told | {b"last-generated-id": b"9999999999999-0"}
            case "XREVRANGE":
                return self._range(words[1], words[0])[::-1][: words[3]]
            case "XRANGE":
                return self._range(words[0], words[1])[: words[3] if words[2:] else None]
        assert name.startswith("XREAD BLOCK")
        return None

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.added += 1

    def _range(self, first: str, last: str) -> list[Entry]:
        low = (-1, -1) if first == "-" else order_of(first.removeprefix("("))
        high = (10**20, 0) if last == "+" else order_of(last.removeprefix("("))
        beside = {at for bound, at in ((first, low), (last, high)) if bound.startswith("(")}
        orders = [(order_of(entry[0].decode()), entry) for entry in self.entries]
        return [entry for at, entry in orders if low <= at <= high and at not in beside]
