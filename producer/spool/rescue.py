"""Saving the intact operations of a damaged file, and sweeping up after processes that were killed."""

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
from zlib import crc32

from producer.spool import file
from producer.spool.fork import held_off
from producer.spool.lock import LOCK, SPOOL, Owner, SpoolLock
from producer.text.wording import counted

DAMAGED = ".damaged"

_SCRATCH = ".rescue-"
"""A directory for drafts, named after the spool. The holder of the spool's lock may remove it."""
_SIDES = ("", "-wal")
"""The file and SQLite's log beside it; the third, the log's index, is made anew."""
_SEARCH = 100_000
_JUNK = re.compile(r"\.rescue-([0-9a-f]{16})|([0-9a-f]{16})\.(?:lock|spool-wal|spool-shm)")
"""Only names of ours: the directory may hold other files, too."""

_log = logging.getLogger("producer")

_Row = tuple[int, int, int, bytes]


def rescue(path: Path, saved: SpoolLock, noted: Owner | None) -> bool:
    """Save the intact operations of the file at `path` into a new file, and put `path` aside, as it was found.

    `saved` is the new file's lock. Both go to the user who owns `path`, and who must be able to deliver the new file.
    `path` must not be open: a copy is read. If the copy does not name its owner, the owner is as `noted`. Returns
    False if nothing was intact. Raises sqlite3.Error and OSError if the new file cannot be written: `path` stays.
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
                os.chown(saved.descriptor, whose.st_uid, whose.st_gid)
            draft.rename(saved.spool)
    aside = put_aside(path, DAMAGED)
    saved_rows = counted(rows, "operation that is intact was", "operations that are intact were")
    _log.error("%s was damaged: it is kept as %s; %s saved", path, aside.name, saved_rows)
    return rows > 0


def put_aside(path: Path, suffix: str) -> Path:
    """Rename the file at `path`, and SQLite's log beside it, to a name with `suffix`: returns it. Raises OSError."""
    names = (path.with_suffix(f".{number}{suffix}" if number else suffix) for number in count())
    aside = next(name for name in names if not name.exists())
    for side in _SIDES:
        if (found := path.with_name(path.name + side)).exists():
            found.rename(aside.with_name(aside.name + side))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    return aside


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


def _save(copy: Path, draft: Path, noted: Owner | None) -> int:
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
    for row in _readable(source, "ORDER BY seq ASC"):
        low = row[0]
        yield row
    for row in _readable(source, "ORDER BY seq DESC"):
        high = row[0]
        yield row
    for seq in range(low + 1, min(high, low + _SEARCH)):
        yield from _readable(source, f"WHERE seq = {seq}")


def _readable(source: sqlite3.Connection, which: str) -> Iterator[_Row]:
    """Of the rows `which` those that are what was written, up to where they cannot be read."""
    with suppress(sqlite3.Error):
        for row in source.execute(f"SELECT seq, at, checksum, op FROM operation {which}"):
            match row:
                case (int(seq), int(at), int(checksum), bytes(op)) if crc32(op) == checksum:
                    yield seq, at, checksum, op


def sweep(directory: Path) -> None:
    """Remove locks, SQLite's logs and drafts that belong to no spool. What cannot be removed stays.

    None of them holds a waiting operation: an empty spool is removed before its lock, and a draft becomes a spool
    before the damaged file is put aside.
    """
    with suppress(OSError):
        names = set(os.listdir(directory))
        stems = {found[1] or found[2] for name in names if (found := _JUNK.fullmatch(name))}
        for stem in (stem for stem in stems if f"{stem}{SPOOL}" not in names):
            with held_off(), suppress(OSError):
                lock = SpoolLock.take(directory / f"{stem}{LOCK}")
                if lock is None:
                    continue  # its spool is just being made
                if lock.spool.exists():
                    lock.release()
                    continue
                shutil.rmtree(directory / f"{_SCRATCH}{stem}", ignore_errors=True)
                try:
                    lock.remove_with_spool()
                except OSError:
                    lock.release()
