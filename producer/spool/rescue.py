"""A damaged file: what is intact of it saved into a new one, and it itself kept as it was found."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

from producer.spool import file

__all__ = ["DAMAGED", "rescue"]

DAMAGED = ".damaged"

_log = logging.getLogger("producer")

_SIDES = ("", "-wal")
"""The file and SQLite's log beside it; the third, the log's index, is made anew."""

_Row = tuple[int, int, int, bytes]


def rescue(path: Path, saved: Path) -> bool:
    """Save what is intact of the file at `path` into a new one at `saved`, and put it aside. False if nothing was.

    `path` must not be open. Nothing is removed or overwritten: it is a copy that is read. Raises sqlite3.Error and
    OSError when the new file cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".rescue-") as scratch:
        copy, draft = Path(scratch, "copy"), Path(scratch, "draft")
        for side in _SIDES:
            if (found := path.with_name(path.name + side)).exists():
                shutil.copyfile(found, copy.with_name(copy.name + side))
        rows = _save(copy, draft)
        if rows:
            draft.rename(saved)
    aside = _put_aside(path)
    _log.error("%s was damaged: it is kept as %s; %d operations that are intact were saved", path, aside.name, rows)
    return rows > 0


def _save(copy: Path, draft: Path) -> int:
    """How many operations of `copy` stand in `draft` afterwards."""
    try:
        source = file.connect(copy)
    except sqlite3.Error:
        return 0
    with closing(source):
        try:
            owner = file.owner(source)
        except sqlite3.Error:
            owner = None
        return 0 if owner is None else _copy(source, owner, draft)  # they could not be told from another's


def _copy(source: sqlite3.Connection, owner: file.Owner, draft: Path) -> int:
    with closing(file.create(draft, owner, synchronous="full")) as target:
        target.execute("BEGIN")
        target.executemany("INSERT OR IGNORE INTO operation VALUES (?, ?, ?, ?)", _intact(source))
        target.execute("COMMIT")
        (rows,) = target.execute("SELECT count(*) FROM operation").fetchone()
        return int(rows)


def _intact(source: sqlite3.Connection) -> Iterator[_Row]:
    """The rows that can be read and are what was written, in no order: from both ends, then one by one between."""
    low, high = 0, 1 << 62
    for low, row in _readable(source, "ASC"):  # noqa: B007 - how far it came
        yield from row
    for high, row in _readable(source, "DESC"):  # noqa: B007
        yield from row
    for seq in range(low + 1, min(high, low + _SEARCH)):
        yield from _single(source, seq)


_SEARCH = 100_000


def _readable(source: sqlite3.Connection, order: str) -> Iterator[tuple[int, list[_Row]]]:
    try:
        for row in source.execute(f"SELECT seq, at, checksum, op FROM operation ORDER BY seq {order}"):
            yield row[0], _if_intact(row)
    except sqlite3.Error:
        return


def _single(source: sqlite3.Connection, seq: int) -> list[_Row]:
    try:
        row = source.execute("SELECT seq, at, checksum, op FROM operation WHERE seq = ?", (seq,)).fetchone()
    except sqlite3.Error:
        return []
    return _if_intact(row) if row else []


def _if_intact(row: tuple[object, ...]) -> list[_Row]:
    match row:
        case (int(seq), int(at), int(checksum), bytes(op)) if file.checksum(op) == checksum:
            return [(seq, at, checksum, op)]
    return []


def _put_aside(path: Path) -> Path:
    """Rename the file and what belongs to it to a name that nothing has."""
    for number in count():
        aside = path.with_suffix(f".{number}{DAMAGED}" if number else DAMAGED)
        if not aside.exists():
            break
    for side in _SIDES:
        if (found := path.with_name(path.name + side)).exists():
            found.rename(aside.with_name(aside.name + side))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    return aside
