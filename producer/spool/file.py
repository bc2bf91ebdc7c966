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

from producer.errors import SpoolDamaged, SpoolUnusable
from producer.server import UNKNOWN, Server

__all__ = [
    "Owner",
    "Synchronous",
    "bind",
    "checksum",
    "connect",
    "create",
    "damaged",
    "owner",
    "translated",
    "unusable",
]

Synchronous = Literal["normal", "full"]
"""`full`: each call waits for the disk, so that it survives a loss of power too."""

_VERSION = 2
_TABLES = (
    """CREATE TABLE producer (
        by TEXT NOT NULL, namespace TEXT NOT NULL, acked INTEGER NOT NULL, dropped INTEGER NOT NULL,
        server TEXT NOT NULL
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

checksum = crc32
"""SQLite itself does not notice a bit that flips in a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose file it is: the producer `by`, which may claim so much as `acked`, and where its operations are to go."""

    by: str
    namespace: str
    server: Server
    acked: int = 0


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
        "INSERT INTO producer VALUES (?, ?, ?, 0, ?)", (owner.by, owner.namespace, owner.acked, owner.server.url)
    )
    connection.execute("COMMIT")
    return _prepared(connection, synchronous)


def connect(path: Path, *, synchronous: Synchronous = "normal") -> sqlite3.Connection:
    """The file at `path`, which has to be there."""
    return _prepared(_connect(path, "rw"), synchronous)


def owner(connection: sqlite3.Connection) -> Owner | None:
    """Whose it is; None for a file that was never finished. One of version 1 does not know its server."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        return None
    server = "server" if _version(connection) >= 2 else f"'{UNKNOWN.url}'"
    match connection.execute(f"SELECT by, namespace, {server}, acked FROM producer").fetchone():
        case (bytes(by), bytes(namespace), bytes(url), int(acked)):
            return Owner(by=_text(by), namespace=_text(namespace), server=Server(_text(url)), acked=acked)
    raise sqlite3.DatabaseError("it names no producer")


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def bind(connection: sqlite3.Connection, server: Server) -> None:
    """Note that it is for `server`."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection) < 2:
            connection.execute(f"ALTER TABLE producer ADD COLUMN server TEXT NOT NULL DEFAULT '{UNKNOWN.url}'")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("UPDATE producer SET server = ?", (server.url,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


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


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Whatever SQLite or the system has to say about `path`, as SpoolUnusable."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: sqlite3.Error | OSError) -> SpoolUnusable:
    """The error for what SQLite or the system has to say about `path`."""
    if isinstance(error, OSError):
        return SpoolUnusable(f"the spool {path} cannot be used: {error.strerror or error}")
    if error.__class__ is sqlite3.DatabaseError:  # its subclasses are of other kinds
        return damaged(path, str(error))
    return SpoolUnusable(f"the spool {path} cannot be used: {error}")


def damaged(path: Path, how: str) -> SpoolDamaged:
    """The error for a file that does not hold what was written there."""
    return SpoolDamaged(f"the spool {path} is damaged: {how}")
