"""The SQLite file of a spool: its tables, how it is opened, and SQLite's errors in our words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.request import pathname2url
from zlib import crc32

from producer.connection.server import Server
from producer.durability import ACKNOWLEDGED, Level
from producer.errors import SpoolDamaged, SpoolUnusable

__all__ = [
    "SIDES",
    "Owner",
    "Synchronous",
    "bind",
    "checksum",
    "connect",
    "create",
    "damaged",
    "oldest",
    "owner",
    "remove",
    "replace",
    "said",
    "synchronous_of",
    "translated",
    "unusable",
]

Synchronous = Literal["normal", "full"]
"""`full`: each call waits for the disk, so that it survives a loss of power too."""

_FULL = 2
"""SQLite's number for it."""

_VERSION = 1
_TABLES = (
    """CREATE TABLE producer (
        by TEXT NOT NULL, namespace TEXT NOT NULL, server TEXT NOT NULL,
        fsync INTEGER NOT NULL, replicas INTEGER NOT NULL, acked INTEGER NOT NULL, dropped INTEGER NOT NULL
    )""",
    """CREATE TABLE operation (
        seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, checksum INTEGER NOT NULL, op BLOB NOT NULL
    )""",
    f"PRAGMA user_version = {_VERSION}",
)
_CHECKPOINT_PAGES = 8192
"""The forwarder copies SQLite's log back long before; this is for when it cannot, so that the log stays bounded."""

_VFS = "unix-excl"
"""One lock for as long as a connection is open, in place of four calls of the system for each statement: half the
time. Two connections of one process share it; another process is told that the file is locked."""

SIDES = ("-wal", "-shm")
"""What SQLite has beside a file: its log, and that one's index."""

checksum = crc32
"""SQLite itself does not notice a bit that flips in a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose file it is: the producer `by`, which may claim so much as `acked`, and gave up `dropped` operations.

    Where its operations are to go, and how safe they have to be there before they leave.
    """

    by: str
    namespace: str
    server: Server
    level: Level = ACKNOWLEDGED
    acked: int = 0
    dropped: int = 0


def create(path: Path, owner: Owner, *, synchronous: Synchronous) -> sqlite3.Connection:
    """A new file at `path`, with its owner's name in it."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # outputs are nobody else's business
    connection = _connect(path, "rw")
    if synchronous == "normal":
        connection.execute("PRAGMA synchronous = OFF")  # nothing is in it that could be lost
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN")
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute(
        "INSERT INTO producer (by, namespace, acked, dropped, server, fsync, replicas) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (owner.by, owner.namespace, owner.acked, owner.dropped, owner.server.url, *map(int, owner.level)),
    )
    connection.execute("COMMIT")
    return _prepared(connection, synchronous)


def connect(path: Path, *, synchronous: Synchronous = "normal") -> sqlite3.Connection:
    """The file at `path`, which has to be there."""
    return _prepared(_connect(path, "rw"), synchronous)


def synchronous_of(connection: sqlite3.Connection) -> Synchronous:
    """How it was opened."""
    (level,) = connection.execute("PRAGMA synchronous").fetchone()
    return "full" if level >= _FULL else "normal"


def owner(connection: sqlite3.Connection) -> Owner | None:
    """The owner that the file names; None for a file whose producer died while it made the file.

    Raises sqlite3.NotSupportedError for a file of another version: it is not damaged, so it stays as it is.
    """
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        return None
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != _VERSION:
        raise sqlite3.NotSupportedError(
            f"expected a file of version {_VERSION}, found version {version}: another release of execution-wal wrote "
            "it, and can deliver it"
        )
    columns = "by, namespace, server, fsync, replicas, acked, dropped"
    match connection.execute(f"SELECT {columns} FROM producer").fetchone():
        case (bytes(by), bytes(namespace), bytes(url), int(fsync), int(replicas), int(acked), int(dropped)):
            return Owner(
                by=_text(by),
                namespace=_text(namespace),
                server=Server(_text(url)),
                level=Level(bool(fsync), replicas),
                acked=acked,
                dropped=dropped,
            )
    raise sqlite3.DatabaseError("it names no producer")


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def bind(connection: sqlite3.Connection, server: Server) -> None:
    """Note that its operations are for `server`."""
    connection.execute("UPDATE producer SET server = ?", (server.url,))


def replace(connection: sqlite3.Connection, seq: int, row: tuple[int, int, int, bytes]) -> None:
    """Put `row` in the place of the operation `seq`, which its producer had to give up."""
    with _transaction(connection):
        connection.execute("UPDATE operation SET seq = ?, at = ?, checksum = ?, op = ? WHERE seq = ?", (*row, seq))
        connection.execute("UPDATE producer SET dropped = dropped + 1")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is executed in the body, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def oldest(connection: sqlite3.Connection, after: int) -> int | None:
    """When the first operation with a number above `after` was recorded (epoch ms); None if there is none."""
    found = connection.execute("SELECT at FROM operation WHERE seq > ? ORDER BY seq LIMIT 1", (after,)).fetchone()
    return found[0] if found else None


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{pathname2url(str(path.absolute()))}?mode={mode}&vfs={_VFS}",
        uri=True,
        isolation_level=None,  # each statement is a transaction of its own
        check_same_thread=False,
    )
    connection.text_factory = bytes
    return connection


def _prepared(connection: sqlite3.Connection, synchronous: Synchronous) -> sqlite3.Connection:
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    return connection


def remove(path: Path) -> None:
    """Take it away, and what SQLite had beside it. Raises OSError."""
    for side in ("", *SIDES):
        path.with_name(path.name + side).unlink(missing_ok=True)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Whatever SQLite or the system has to say about `path`, as SpoolUnusable."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: sqlite3.Error | OSError) -> SpoolUnusable:
    """The error for what SQLite or the system has to say about `path`."""
    if error.__class__ is sqlite3.DatabaseError:  # its subclasses are of other kinds
        return damaged(path, str(error))
    return SpoolUnusable(f"the spool {path} cannot be used: {said(error)}")


def said(error: sqlite3.Error | OSError) -> str:
    """What went wrong, without where."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def damaged(path: Path, how: str) -> SpoolDamaged:
    """The error for a file that does not hold what was written there."""
    return SpoolDamaged(f"the spool {path} is damaged: {how}")
