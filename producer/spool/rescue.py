"""A damaged file: what is intact of it saved into a new one, and it itself kept as it was found."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from producer.spool import file
from producer.spool.lock import SpoolLock
from producer.spool.reader import Reader

__all__ = ["DAMAGED", "SCRATCH", "Successor", "put_aside", "rescue", "succeed"]

DAMAGED = ".damaged"
SCRATCH = ".rescue-"
"""With the name of the spool behind it: a directory for drafts, which whoever has the spool's lock may remove."""

_log = logging.getLogger("producer")

_SIDES = ("", "-wal")
"""The file and SQLite's log beside it; the third, the log's index, is made anew."""

_Row = tuple[int, int, int, bytes]


def rescue(path: Path, saved: Path) -> bool:
    """Save what is intact of the file at `path` into a new one at `saved`, and put it aside. False if nothing was.

    `path` must not be open. Nothing is removed or overwritten: it is a copy that is read. Raises sqlite3.Error and
    OSError when the new file cannot be written.
    """
    with _scratch(path) as scratch:
        copy, draft = scratch / "copy", scratch / "draft"
        for side in _SIDES:
            if (found := path.with_name(path.name + side)).exists():
                shutil.copyfile(found, copy.with_name(copy.name + side))
        rows = _save(copy, draft)
        if rows:
            _leave_to_owner_of(path, draft)
            draft.rename(saved)
    put_aside(path, rows)
    return rows > 0


class Successor(NamedTuple):
    """The file that goes on with what was intact in a damaged one: `rows` operations."""

    path: Path
    lock: SpoolLock
    writer: sqlite3.Connection
    reader: Reader
    rows: int


def succeed(path: Path, source: sqlite3.Connection, owner: file.Owner) -> Successor:
    """Save what is intact of the file at `path`, which is open as `source`, into a new one, and open that.

    The file stays where it is. Raises sqlite3.Error and OSError when the new one cannot be written.
    """
    needed, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    if free < needed:  # said before the rest of the disk is filled with it
        raise OSError(errno.ENOSPC, f"{needed - free} bytes more of room are needed")
    saved, lock = SpoolLock.of_new_spool(path.parent)
    try:
        with _scratch(path) as scratch:
            draft = scratch / "draft"
            rows = _copy(source, owner, draft)
            draft.rename(saved)
        writer = file.connect(saved, synchronous=file.synchronous_of(source))
        return Successor(saved, lock, writer, Reader(saved), rows)
    except BaseException:
        file.remove(saved)
        lock.remove()
        raise


def put_aside(path: Path, rows: int) -> None:
    """Rename the file and what belongs to it to a name that nothing has, and say so: `rows` operations were saved."""
    for number in count():
        aside = path.with_suffix(f".{number}{DAMAGED}" if number else DAMAGED)
        if not aside.exists():
            break
    for side in _SIDES:
        if (found := path.with_name(path.name + side)).exists():
            found.rename(aside.with_name(aside.name + side))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    _log.error("%s was damaged: it is kept as %s; %d operations that are intact were saved", path, aside.name, rows)


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A directory for drafts, empty, and gone afterwards."""
    scratch = path.with_name(f"{SCRATCH}{path.stem}")
    shutil.rmtree(scratch, ignore_errors=True)  # of one who died at it
    scratch.mkdir(mode=0o700)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _leave_to_owner_of(path: Path, draft: Path) -> None:
    """When root rescues what is another user's, its producers have to be able to deliver it, too."""
    if os.geteuid() == 0:
        whose = path.stat()
        os.chown(draft, whose.st_uid, whose.st_gid)


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
        target.execute(
            "PRAGMA wal_checkpoint(TRUNCATE)"
        ).fetchone()  # to close it would not say that the disk is full
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
