"""The SQLite file of a spool: its tables, the statements on them, and SQLite's errors in our words."""

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
from producer.durability import ACKNOWLEDGED, Durability
from producer.errors import SpoolDamaged, SpoolUnusable
from producer.queue.queue import Numbered

SIDES = ("-wal", "-shm")
"""What SQLite keeps beside a file: its log, and the log's index."""

checksum = crc32
"""SQLite itself does not notice a bit that flips in a text."""

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
_OWNER = "by, namespace, server, fsync, replicas, acked, dropped"

_CHECKPOINT_PAGES = 8192
"""SQLite copies its log back by itself only here. The forwarder does so long before, unless it cannot."""

_VFS = "unix-excl"
"""One lock of the file while a connection is open, in place of four system calls a statement: half the time. The
connections of one process share it; another process is told that the file is locked."""

_INSERT = "INSERT INTO operation (seq, at, checksum, op) VALUES (?, ?, ?, ?)"
_COUNT = "SELECT count(*), ifnull(sum(length(op)), 0), ifnull(max(seq), 0) FROM operation WHERE seq > ?"
_FIRST = "SELECT seq, checksum, op FROM operation WHERE seq > ? ORDER BY seq LIMIT ?"
_LARGEST = f"SELECT max(length(op)) FROM ({_FIRST})"
# In one row: between two rows SQLite releases the interpreter, and an engine that computes gives it back only
# milliseconds later. JSON has no line breaks.
_BATCH = f"SELECT count(*), group_concat(seq || ' ' || checksum || ' ' || op, char(10)) FROM ({_FIRST})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The producer `by` whose operations a file holds, and where they go: to the log of `namespace` at `server`.

    `level`: how safe an operation must be there before it leaves the file. The producer may claim `acked` as
    acknowledged, and gave up `dropped` operations.
    """

    by: str
    namespace: str
    server: Server
    level: Durability = ACKNOWLEDGED
    acked: int = 0
    dropped: int = 0


class SpoolFile:
    """An open file: `writer` is the connection of the engine's calls, `reader` the forwarder's, which delays no call.

    Its methods raise sqlite3.Error. Those with `after` are about the operations with greater numbers.
    """

    def __init__(self, path: Path, writer: sqlite3.Connection) -> None:
        self.path = path
        self.writer = writer
        self.reader = connect(path)
        self.inserting = writer.cursor()  # kept, because to make one costs a tenth of an insert

    # -- by the writer --

    def insert(self, seq: int, at: int, op: bytes) -> None:
        self.inserting.execute(_INSERT, (seq, at, crc32(op), op))

    def replace(self, dropped: int, seq: int, at: int, op: bytes) -> None:
        """Put an operation in the place of the operation `dropped`, which its producer gives up."""
        self.writer.execute("BEGIN IMMEDIATE")
        try:
            self.writer.execute("DELETE FROM operation WHERE seq = ?", (dropped,))
            self.writer.execute(_INSERT, (seq, at, crc32(op), op))
            self.writer.execute("UPDATE producer SET dropped = dropped + 1")
            self.writer.execute("COMMIT")
        except BaseException:
            if self.writer.in_transaction:
                self.writer.execute("ROLLBACK")
            raise

    def remove(self, last: int) -> int:
        """Delete all operations up to the number `last`; returns how many there were."""
        return self.writer.execute("DELETE FROM operation WHERE seq <= ?", (last,)).rowcount

    def claim(self, acked: int) -> None:
        """Note what the producer may claim as acknowledged."""
        self.writer.execute("UPDATE producer SET acked = ?", (acked,))

    def bind(self, server: Server) -> None:
        """Note that the operations are for `server`."""
        self.writer.execute("UPDATE producer SET server = ?", (server.url,))

    def count(self, after: int) -> tuple[int, int, int]:
        """(how many operations there are, their bytes, the greatest number)."""
        operations, size, last = self.writer.execute(_COUNT, (after,)).fetchone()
        return operations, size, last

    def oldest(self, after: int) -> int | None:
        """When the first operation was recorded (epoch ms); None if there is none."""
        found = self.writer.execute(
            "SELECT at FROM operation WHERE seq > ? ORDER BY seq LIMIT 1", (after,)
        ).fetchone()
        return found[0] if found else None

    # -- by the reader --

    def batch(self, after: int, count: int, size: int) -> list[Numbered]:
        """The first `count` operations, or fewer: all but the first fit into `size` bytes.

        Raises sqlite3.DatabaseError, as for other damage, if an operation is not what was written.
        """
        (largest,) = self.reader.execute(_LARGEST, (after, count)).fetchone()
        if largest is None:
            return []
        limit = max(1, min(count, size // max(1, largest)))
        found, text = self.reader.execute(_BATCH, (after, limit)).fetchone()
        try:
            rows = [_checked(*line.split(b" ", 2)) for line in (text or b"").split(b"\n")]
        except (TypeError, ValueError) as error:
            raise sqlite3.DatabaseError(str(error)) from error
        if len(rows) != found:  # group_concat leaves out NULL
            raise sqlite3.DatabaseError(
                f"{found - len(rows)} of the operations from number {rows[0][0]} on are empty"
            )
        rows.sort()  # they are in order, but SQLite's documentation does not promise it
        return rows

    def checkpoint(self) -> None:
        """Copy SQLite's log back into the file."""
        self.reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


def _checked(seq: bytes, found: bytes, op: bytes) -> Numbered:
    if crc32(op) != int(found):
        raise ValueError(f"the checksum of operation {int(seq)} is wrong")
    return int(seq), op


def create(path: Path, owner: Owner, *, synchronous: Literal["normal", "full"]) -> sqlite3.Connection:
    """A new file at `path` that names its owner. Raises sqlite3.Error and OSError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # outputs are nobody else's business
    connection = _connect(path)
    if synchronous == "normal":
        connection.execute("PRAGMA synchronous = OFF")  # there is nothing in it yet that could be lost
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN")
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute(
        f"INSERT INTO producer ({_OWNER}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(owner.by, owner.namespace, owner.server.url),
            *(owner.level.fsync, owner.level.replicas, owner.acked, owner.dropped),
        ),
    )
    connection.execute("COMMIT")
    return _prepared(connection, synchronous)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file at `path`, which must exist."""
    return _prepared(_connect(path), "normal")


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
    match connection.execute(f"SELECT {_OWNER} FROM producer").fetchone():
        case (bytes(by), bytes(namespace), bytes(url), int(fsync), int(replicas), int(acked), int(dropped)) if (
            replicas >= 0
        ):
            return Owner(
                by=by.decode(errors="replace"),
                namespace=namespace.decode(errors="replace"),
                server=Server(url.decode(errors="replace")),
                level=Durability(fsync=bool(fsync), replicas=replicas),
                acked=acked,
                dropped=dropped,
            )
    raise sqlite3.DatabaseError("it names no producer")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{pathname2url(str(path.absolute()))}?mode=rw&vfs={_VFS}",
        uri=True,
        isolation_level=None,  # each statement is a transaction of its own
        check_same_thread=False,
    )
    connection.text_factory = bytes
    return connection


def _prepared(connection: sqlite3.Connection, synchronous: str) -> sqlite3.Connection:
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    return connection


def remove(path: Path) -> None:
    """Remove the file, and what SQLite keeps beside it. Raises OSError."""
    for side in ("", *SIDES):
        path.with_name(path.name + side).unlink(missing_ok=True)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise as SpoolUnusable what SQLite or the system has to say about `path`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: sqlite3.Error | OSError) -> SpoolUnusable:
    """The error for what SQLite or the system has to say about `path`: SpoolDamaged if its content is wrong."""
    if error.__class__ is sqlite3.DatabaseError:  # its subclasses are of other kinds
        return SpoolDamaged(f"the spool {path} is damaged: {error}")
    return SpoolUnusable(f"the spool {path} cannot be used: {said(error)}")


def said(error: sqlite3.Error | OSError) -> str:
    """What went wrong, without the path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
