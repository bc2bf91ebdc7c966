"""What is to be saved of a damaged file, and what is to be swept up after processes that were killed."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

from producer.spool import file
from producer.spool.fork import held_off
from producer.spool.lock import LOCK, SPOOL, SpoolLock

DAMAGED = ".damaged"

_SCRATCH = ".rescue-"
"""A directory for drafts, named after the spool. The holder of the spool's lock may remove it."""
_SIDES = ("", "-wal")
"""The file and SQLite's log beside it; the third, the log's index, is made anew."""
_SEARCH = 100_000
_ROWS = "SELECT seq, at, checksum, op FROM operation"
_JUNK = re.compile(r"\.rescue-([0-9a-f]{16})|([0-9a-f]{16})\.(?:lock|spool-wal|spool-shm)")
"""Only names of ours: the directory may hold other files, too."""

_log = logging.getLogger("producer")

_Row = tuple[int, int, int, bytes]


def rescue(path: Path, saved: Path, lock: SpoolLock, noted: file.Owner | None) -> bool:
    """Save what is intact of the file at `path` into a new file at `saved`, and put `path` aside, as it was found.

    `lock` is the new file's. Both belong to the user whose file `path` is, who must be able to deliver it.

    `path` must not be open: a copy is read. If its owner cannot be read there, the owner is as `noted`. Returns False
    if nothing was intact. Raises sqlite3.Error and OSError if the new file cannot be written; `path` then stays.
    """
    found = [each for side in _SIDES if (each := path.with_name(path.name + side)).exists()]
    needed, free = 2 * sum(each.stat().st_size for each in found), shutil.disk_usage(path.parent).free
    if free < needed:  # said before the rest of the disk is filled
        raise OSError(errno.ENOSPC, f"what is intact cannot be saved: {needed - free} bytes more of room are needed")
    with _scratch(path) as scratch:
        draft = scratch / "draft"
        for each in found:
            shutil.copyfile(each, scratch / each.name)
        rows = _save(scratch / path.name, draft, noted)
        if rows:
            if os.geteuid() == 0:
                whose = path.stat()
                os.chown(draft, whose.st_uid, whose.st_gid)
                os.chown(lock.descriptor, whose.st_uid, whose.st_gid)
            draft.rename(saved)
    _put_aside(path, rows)
    return rows > 0


def _put_aside(path: Path, rows: int) -> None:
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
    scratch = path.with_name(f"{_SCRATCH}{path.stem}")
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed meanwhile
    scratch.mkdir(mode=0o700)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _save(copy: Path, draft: Path, noted: file.Owner | None) -> int:
    """How many operations of `copy` stand in `draft` afterwards."""
    try:
        source = file.connect(copy)
    except sqlite3.Error:
        return 0
    with closing(source):
        try:
            owner = file.owner(source)
        except sqlite3.Error:
            owner = noted
        if owner is None:  # they could not be told from another producer's
            return 0
        with closing(file.create(draft, owner, synchronous="full")) as target:
            target.execute("BEGIN")
            target.executemany("INSERT OR IGNORE INTO operation VALUES (?, ?, ?, ?)", _intact(source))
            target.execute("COMMIT")
            (rows,) = target.execute("SELECT count(*) FROM operation").fetchone()
            # Closing it would do the same, but not say that the disk is full.
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return int(rows)


def _intact(source: sqlite3.Connection) -> Iterator[_Row]:
    """The rows that can be read and are what was written, in no order: from both ends, then one by one between."""
    low, high = 0, 1 << 62
    for low, row in _readable(source, f"{_ROWS} ORDER BY seq ASC"):  # noqa: B007 - how far it came
        yield from row
    for high, row in _readable(source, f"{_ROWS} ORDER BY seq DESC"):  # noqa: B007
        yield from row
    for seq in range(low + 1, min(high, low + _SEARCH)):
        for _, row in _readable(source, f"{_ROWS} WHERE seq = {seq}"):
            yield from row


def _readable(source: sqlite3.Connection, query: str) -> Iterator[tuple[int, list[_Row]]]:
    """(its number, the row or nothing if it is not what was written) of each row, up to where they cannot be read."""
    with suppress(sqlite3.Error):
        for row in source.execute(query):
            match row:
                case (int(seq), int(at), int(checksum), bytes(op)) if file.checksum(op) == checksum:
                    yield seq, [(seq, at, checksum, op)]
                case _:
                    yield row[0], []


def sweep(directory: Path) -> None:
    """Remove locks, SQLite's logs and drafts that belong to no spool. What cannot be removed stays.

    None of them holds a waiting operation: an empty spool is removed before its lock, and a draft becomes a spool
    before the damaged file is put aside.
    """
    with suppress(OSError):
        names = set(os.listdir(directory))
        stems = {found[1] or found[2] for name in names if (found := _JUNK.fullmatch(name))}
        for stem in sorted(stem for stem in stems if f"{stem}{SPOOL}" not in names):
            with suppress(OSError):
                _sweep_up(directory / f"{stem}{SPOOL}")


def _sweep_up(path: Path) -> None:
    with held_off():
        lock = SpoolLock.take(path.with_suffix(LOCK))
        if lock is None:
            return  # its spool is just being made
        if path.exists():
            lock.release()
            return
        try:
            file.remove(path)
            shutil.rmtree(path.with_name(f"{_SCRATCH}{path.stem}"), ignore_errors=True)
        finally:
            lock.remove()
