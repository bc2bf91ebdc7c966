"""The SQLite file of a spool: its tables, the statements on them, and SQLite's errors in our words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Literal
from urllib.request import pathname2url
from zlib import crc32

from producer.errors import SpoolDamaged, SpoolUnusable
from producer.queue.queue import Numbered
from producer.spool.lock import Owner, SpoolLock

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
"""SQLite copies its log back by itself only here. The forwarder does so long before, unless it cannot."""

_VFS = "unix-excl"
"""One lock of the file while a connection is open, in place of four system calls a statement: half the time. The
connections of one process share it; another process is told that the file is locked."""

_NAME_OWNER = "INSERT INTO producer VALUES (:by, :namespace, :server, :fsync, :replicas, :acked, :dropped)"
_OWNER = "SELECT by, namespace, server, fsync, replicas, acked, dropped FROM producer"
_INSERT = "INSERT INTO operation (seq, at, checksum, op) VALUES (?, ?, ?, ?)"
_COUNT = "SELECT count(*), ifnull(sum(length(op)), 0), ifnull(max(seq), 0) FROM operation WHERE seq > ?"
_OLDEST = "SELECT at FROM operation WHERE seq > ? ORDER BY seq LIMIT 1"
_FIRST = "SELECT seq, checksum, op FROM operation WHERE seq > ? ORDER BY seq LIMIT ?"
_LARGEST = f"SELECT max(length(op)) FROM ({_FIRST})"
# In one row: between two rows SQLite releases the interpreter, and an engine that computes gives it back only
# milliseconds later. JSON has no line breaks.
_BATCH = f"SELECT count(*), group_concat(seq || ' ' || checksum || ' ' || op, char(10)) FROM ({_FIRST})"


class SpoolFile:
    """The open file of a `lock` that we hold. The engine's calls have the connection `writer`; the forwarder has the
    connection `reader`, and delays no call.

    Its methods raise sqlite3.Error. Those with `after` are about the operations with greater numbers.
    """

    def __init__(self, lock: SpoolLock, writer: sqlite3.Connection) -> None:
        self.path = lock.spool
        self.lock = lock
        self.writer = writer
        with _closed_on_error(writer):
            self.reader = connect(self.path)
        self.inserting = writer.cursor()  # kept, because to make one costs a tenth of an insert

    # -- by the writer --

    def insert(self, seq: int, at: int, op: bytes) -> None:
        self.inserting.execute(_INSERT, (seq, at, crc32(op), op))

    def replace(self, dropped: int, seq: int, at: int, op: bytes) -> None:
        """Put an operation in the place of the operation `dropped`, which its producer gives up."""
        with self.writer:  # commits, or rolls back
            self.writer.execute("BEGIN IMMEDIATE")
            self.writer.execute("DELETE FROM operation WHERE seq = ?", (dropped,))
            self.writer.execute(_INSERT, (seq, at, crc32(op), op))
            self.writer.execute("UPDATE producer SET dropped = dropped + 1")

    def remove(self, last: int) -> int:
        """Delete all operations up to the number `last`; returns how many there were."""
        return self.writer.execute("DELETE FROM operation WHERE seq <= ?", (last,)).rowcount

    def claim(self, acked: int) -> None:
        """Note what the producer may claim as acknowledged."""
        self.writer.execute("UPDATE producer SET acked = ?", (acked,))

    def bind(self, server: str) -> None:
        """Note that the operations are for `server`."""
        self.writer.execute("UPDATE producer SET server = ?", (server,))

    def count(self, after: int) -> tuple[int, int, int]:
        """(how many operations there are, their bytes, the greatest number)."""
        operations, size, last = self.writer.execute(_COUNT, (after,)).fetchone()
        return operations, size, last

    def oldest(self, after: int) -> int | None:
        """When the first operation was recorded (epoch ms); None if there is none."""
        found = self.writer.execute(_OLDEST, (after,)).fetchone()
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
            raise sqlite3.DatabaseError(f"operations from number {rows[0][0]} on are empty")
        rows.sort()  # they are in order, but SQLite's documentation does not promise it
        return rows

    def checkpoint(self) -> None:
        """Copy SQLite's log back into the file."""
        self.reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


def _checked(seq: bytes, found: bytes, op: bytes) -> Numbered:
    if crc32(op) != int(found):  # SQLite itself does not notice a bit that flips in a text
        raise ValueError(f"the checksum of operation {int(seq)} is wrong")
    return int(seq), op


def create(path: Path, owner: Owner, *, synchronous: Literal["normal", "full"]) -> sqlite3.Connection:
    """A new file at `path` that names its owner. Raises sqlite3.Error and OSError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # outputs are nobody else's business
    with _closed_on_error(connect(path)) as connection:
        # "full" from the first page on: SQLite ignores the log beside a file that lost its pages with the power.
        connection.execute(f"PRAGMA synchronous = {'OFF' if synchronous == 'normal' else 'FULL'}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute(_NAME_OWNER, asdict(owner))
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file at `path`, which must exist."""
    connection = sqlite3.connect(
        f"file:{pathname2url(str(path.absolute()))}?mode=rw&vfs={_VFS}",
        uri=True,
        isolation_level=None,  # each statement is a transaction of its own
        check_same_thread=False,
    )
    with _closed_on_error(connection):
        connection.text_factory = bytes
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Close `connection` if the block raises: Python 3.13 warns of a connection that nobody closed."""
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


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
    match connection.execute(_OWNER).fetchone():
        case (bytes(by), bytes(namespace), bytes(url), int(fsync), int(replicas), int(acked), int(dropped)) if (
            replicas >= 0
        ):
            return Owner(
                by=by.decode(errors="replace"),
                namespace=namespace.decode(errors="replace"),
                server=url.decode(errors="replace"),
                fsync=bool(fsync),
                replicas=replicas,
                acked=acked,
                dropped=dropped,
            )
    raise sqlite3.DatabaseError("it names no producer")


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
    said = getattr(error, "strerror", None) or error  # without the path, which an OSError would repeat
    return SpoolUnusable(f"the spool {path} cannot be used: {said}")
