"""A connection of its own to take operations out of a spool's file, so that this holds up no call."""

from __future__ import annotations

from pathlib import Path

from producer.queue.queue import Numbered
from producer.spool import file

__all__ = ["Reader"]

_FIRST = "SELECT seq, checksum, op FROM operation WHERE seq > ? ORDER BY seq LIMIT ?"
_LARGEST = f"SELECT max(length(op)) FROM ({_FIRST})"
# In one row: between two rows SQLite lets go of the interpreter, and has it back only milliseconds later from an
# engine that computes. There is no line break in JSON.
_BATCH = f"SELECT count(*), group_concat(seq || ' ' || checksum || ' ' || op, char(10)) FROM ({_FIRST})"


class Reader:
    """Reads the file at `path`. Not safe under threads. Raises sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self.connection = file.connect(path)

    def batch(self, after: int, count: int, size: int) -> list[Numbered]:
        """The first ones with numbers above `after`: at most so many; beyond the first, at most so many bytes.

        Raises ValueError when one is not what was written.
        """
        (largest,) = self.connection.execute(_LARGEST, (after, count)).fetchone()
        if largest is None:
            return []
        limit = max(1, min(count, size // max(1, largest)))
        found, text = self.connection.execute(_BATCH, (after, limit)).fetchone()
        try:
            rows = [_row(*line.split(b" ", 2)) for line in (text or b"").split(b"\n")]
        except TypeError as error:
            raise ValueError(str(error)) from error
        if len(rows) != found:  # what has become NULL is left out
            raise ValueError(f"{found - len(rows)} of the operations from number {rows[0][0]} on are empty")
        rows.sort()  # they are in order; but no document of SQLite's says so
        return rows

    def checkpoint(self) -> None:
        """Copy SQLite's log back into the file."""
        self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        self.connection.close()


def _row(seq: bytes, checksum: bytes, op: bytes) -> Numbered:
    if file.checksum(op) != int(checksum):
        raise ValueError(f"the checksum of operation {int(seq)} is wrong")
    return int(seq), op
