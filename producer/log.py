"""The log, read: its facts, pages of its entries in both directions, and single entries. Nothing here writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from producer.connection.wire import pairs_of
from producer.wal import wal_key

Call = Callable[..., Any]
"""Sends one command and returns the server's reply: `Link.call`, or `send_once` with a client."""

_PAGE = 1000

Entry = tuple[bytes, list[bytes]]
"""An entry's id, and its names and values alternately: in order, and with repetitions."""


@dataclass(frozen=True, slots=True)
class LogFacts:
    """How many entries are in the log (`length`), how many ever were (`added`; None where the server does not tell),
    the first entry's id (None for an empty log), and the highest id that was ever given."""

    length: int
    added: int | None
    first_id: str | None
    last_id: str

    @classmethod
    def of_reply(cls, reply: Any) -> LogFacts:
        """From a reply to XINFO STREAM."""
        told = pairs_of(reply)
        first, last_id = told.get(b"first-entry"), told[b"last-generated-id"].decode()
        return cls(told[b"length"], told.get(b"entries-added"), first[0].decode() if first else None, last_id)

    @property
    def gone(self) -> int:
        """How many entries were added and are no longer there, whoever deleted them."""
        return 0 if self.added is None else self.added - self.length


class Stream:
    """A stream under `key`, read by `call`, whose errors every method raises."""

    def __init__(self, call: Call, key: bytes) -> None:
        self._call = call
        self.key = key

    def after(self, entry_id: str, count: int, *, last: str = "+") -> list[Entry]:
        """The first `count` entries behind `entry_id` (empty: from the beginning), none of them behind `last`."""
        found: list[Entry] = self._call("XRANGE", self.key, _behind(entry_id), last, "COUNT", count)
        return found

    def from_(self, entry_id: str, count: int, *, last: str = "+") -> list[Entry]:
        """The same with the entry `entry_id` itself, if it is there."""
        found: list[Entry] = self._call("XRANGE", self.key, entry_id or "-", last, "COUNT", count)
        return found

    def before(self, entry_id: str) -> str | None:
        """The id of the last entry before `entry_id`; None where it would be the first."""
        found: list[Entry] = self._call("XREVRANGE", self.key, f"({entry_id}", "-", "COUNT", 1)
        return found[0][0].decode() if found else None

    def newest(self, count: int, *, last: str = "+", before: str = "", first: str = "-") -> list[Entry]:
        """The last `count` entries, newest first: none of them behind `last`, only those `before` an entry id if one
        is given, and none before `first`. `count` is at least 1."""
        found: list[Entry] = self._call(
            "XREVRANGE", self.key, f"({before}" if before else last, first, "COUNT", count
        )
        return found

    def entry(self, entry_id: str) -> list[bytes] | None:
        """The names and values of one entry; None where it is not there."""
        found: list[Entry] = self._call("XRANGE", self.key, entry_id, entry_id)
        return found[0][1] if found else None


class Log(Stream):
    """The log of `namespace`."""

    def __init__(self, call: Call, namespace: str) -> None:
        super().__init__(call, wal_key(namespace).encode())

    def facts(self) -> LogFacts | None:
        """None where there is no log."""
        if not self._call("EXISTS", self.key):
            return None
        return LogFacts.of_reply(self._call("XINFO", "STREAM", self.key))

    def count_between(self, after: str, *, last: str, most: int | None = None) -> int:
        """How many entries there are behind `after`, up to `last`; counts no further than about `most`."""
        count = 0
        while page := self.after(after, _PAGE, last=last):
            count += len(page)
            after = page[-1][0].decode()
            if most is not None and count >= most:
                break
        return count

    def request_after(self, request: Call, then: Callable[[Any], None], entry_id: str, count: int) -> None:
        """Have `request` send for the page of `after` ahead; `then` gets its entries."""
        request(then, "XRANGE", self.key, _behind(entry_id), "+", "COUNT", count)


def _behind(entry_id: str) -> str:
    return f"({entry_id}" if entry_id else "-"
