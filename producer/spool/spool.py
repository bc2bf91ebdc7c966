"""One producer's operations on disk, in the order of their numbers, until they may leave."""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from producer.errors import SpoolFull, SpoolUnusable
from producer.identity import FormerIdentity, Identity
from producer.queue import Numbered
from producer.server import Server
from producer.spool import file
from producer.spool.bounds import SpoolBounds
from producer.spool.fork import keep_apart
from producer.spool.lock import SpoolLock
from producer.spool.waiting import Waiting

__all__ = ["Spool"]

_INSERT = "INSERT INTO operation (seq, at, checksum, op) VALUES (?, ?, ?, ?)"
_REPLACE = "UPDATE operation SET seq = ?, at = ?, checksum = ?, op = ? WHERE seq = ?"
_FIRST = "SELECT seq, checksum, op FROM operation WHERE seq > ? ORDER BY seq LIMIT ?"
_LARGEST = f"SELECT max(length(op)) FROM ({_FIRST})"
# In one row: between two rows SQLite lets go of the interpreter, and has it back only milliseconds later from an
# engine that computes. There is no line break in JSON.
_BATCH = f"SELECT group_concat(seq || ' ' || checksum || ' ' || op, char(10)) FROM ({_FIRST})"
_REMOVE = "DELETE FROM operation WHERE seq <= ?"
_CLAIM = "UPDATE producer SET acked = ?"
_DROPPED = "UPDATE producer SET dropped = dropped + 1"
_STATE = "SELECT count(*), ifnull(sum(length(op)), 0), ifnull(max(seq), 0) FROM operation WHERE seq > ?"
_OLDEST = "SELECT at FROM operation WHERE seq > ? ORDER BY seq LIMIT 1"

_CHECKPOINT_WRITES = 4000
_MEASURE_MILLISECONDS = 1000


class Spool:
    """What waits in the file at `path`; its `lock` is ours. Safe under threads; a forked child has no part in it.

    For `server`; once it may have arrived, for the one it `sends_to`. Raises SpoolFull and SpoolUnusable.
    """

    def __init__(
        self,
        path: Path,
        lock: SpoolLock,
        connection: sqlite3.Connection,
        identity: Identity | FormerIdentity,
        namespace: str,
        *,
        server: Server,
        sends_to: Server,
        bounds: SpoolBounds,
        elsewhere: Callable[[], int],
    ) -> None:
        self.path = path
        self.identity = identity
        self.namespace = namespace
        self.server = server
        self._sends_to = sends_to
        self.removed = 0
        self.dropped = 0
        self._lock = lock
        self._bounds = bounds
        self._elsewhere = elsewhere
        self._writer = connection
        self._inserting = connection.cursor()  # to make one takes as long as a tenth of what it does
        # One for reading, so that it holds up no call. Both are locked whenever SQLite is at work: what it holds
        # itself while a fork takes place, the child would find held for ever. A signal handler may record, too.
        self._reader = file.connect(path)
        self._writing, self._reading = threading.RLock(), threading.RLock()
        self._closed = False
        self._surplus = 0  # the number of the one operation beyond the bounds
        self._unreported = 0  # dropped, since it was last said
        self._writes = 0
        self._claimed = 0
        self.last = 0
        self._measured_at = 0
        self._room = bounds.bytes - elsewhere()
        self._count()
        (self.dropped,) = connection.execute("SELECT dropped FROM producer").fetchone()
        lock.note(self.state())
        keep_apart(self)

    # -- in --

    def append(self, op: bytes, at: int) -> int:
        with self._writing:
            if self._bytes + len(op) > self._room or at > self._deadline:
                reason = self._full(len(op), at)
                if reason is not None:
                    return self._append_beyond(reason, op, at)
            return self._insert(op, at)

    def _insert(self, op: bytes, at: int) -> int:
        self.last = seq = self.last + 1
        try:
            self._inserting.execute(_INSERT, (seq, at, file.checksum(op), op))
        except sqlite3.Error as error:
            if self.last == seq:
                self.last -= 1  # not used up
            raise self._unusable(error) from error
        if not self.waiting:
            self._set_oldest(at)
        self.waiting += 1
        self._bytes += len(op)
        self._writes += 1
        return seq

    def _append_beyond(self, reason: str, op: bytes, at: int) -> int:
        if self._bounds.on_full == "raise":
            raise SpoolFull(f"the spool {self.path} is full: {reason}")
        if self._surplus <= self.removed:  # there is none, or it has gone out
            self._surplus = self._insert(op, at)
            return self._surplus
        self.last = seq = self.last + 1
        try:
            self._writer.execute("BEGIN")
            self._writer.execute(_REPLACE, (seq, at, file.checksum(op), op, self._surplus))
            self._writer.execute(_DROPPED)
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise self._unusable(error) from error
        self._surplus = seq
        self.dropped += 1
        self._unreported += 1
        if self._unreported == 1:
            _log.warning("%s is full (%s): operations are dropped, and will be missing", self.path, reason)
        return seq

    def _full(self, more: int, at: int) -> str | None:
        """Why no more may be taken in; None if it may."""
        if at - self._measured_at >= _MEASURE_MILLISECONDS:
            self._measured_at = at
            self._room = self._bounds.bytes - self._elsewhere()
        if self._bytes + more > self._room:
            return f"{self._bytes + self._bounds.bytes - self._room} of {self._bounds.bytes} bytes are taken"
        if at > self._deadline:
            return f"its oldest operation has waited for more than {self._bounds.age:g} s"
        return None

    # -- out --

    def batch(self, count: int, size: int) -> list[Numbered]:
        with self._reading:
            try:
                (largest,) = self._reader.execute(_LARGEST, (self.removed, count)).fetchone()
                if largest is None:
                    return []
                limit = max(1, min(count, size // max(1, largest)))
                (text,) = self._reader.execute(_BATCH, (self.removed, limit)).fetchone()
            except sqlite3.Error as error:
                raise self._unusable(error) from error
        try:
            rows = [self._row(*line.split(b" ", 2)) for line in text.split(b"\n")]
        except (ValueError, TypeError) as error:
            raise file.damaged(self.path, str(error)) from error
        rows.sort()  # they are in order; but no document of SQLite's says so
        return rows

    def _row(self, seq: bytes, checksum: bytes, op: bytes) -> Numbered:
        if file.checksum(op) != int(checksum):
            raise ValueError(f"the checksum of operation {int(seq)} is wrong")
        return int(seq), op

    def bind(self) -> None:
        if self.server == self._sends_to:
            return
        with self._writing:
            self._lock.take_back()  # who dies in between shall leave no note that is wrong
            try:
                file.bind(self._writer, self._sends_to)
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            self.server = self._sends_to
            self._lock.note(self.state())

    def remove(self, sent: Sequence[Numbered], acked: int) -> None:
        with self._writing:
            # First of all, so that no trouble with the file makes us send them again.
            self.removed = sent[-1][0]
            try:
                found = self._writer.execute(_REMOVE, (self.removed,)).rowcount
                if acked > self._claimed:
                    self._writer.execute(_CLAIM, (acked,))
                    self._claimed = acked
                self.waiting -= found
                self._bytes -= sum(len(op) for _, op in sent)
                if found != len(sent) or not self.waiting:
                    self._count()
                else:
                    self._set_oldest(*self._writer.execute(_OLDEST, (self.removed,)).fetchone())
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            self._writes += 1
            if self._unreported and self._bytes < self._room:
                _log.warning("%s has room again: %d operations were dropped", self.path, self._unreported)
                self._unreported = 0

    def tend(self) -> None:
        """Note what waits; now and then copy SQLite's log back into the file, which waits for the disk."""
        with self._reading:
            if self._closed:
                return
            self._lock.note(self.state())
            if self._writes < _CHECKPOINT_WRITES:
                return
            self._writes = 0
            try:
                self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def close(self) -> None:
        """Take no more in. What waits stays in the file, for the next producer; a file without any goes."""
        with self._writing, self._reading:
            if self._closed:
                return
            self._closed = True
            try:
                is_empty = self._tidy_up()
            finally:
                self._reader.close()
                self._writer.close()
            if is_empty:
                self.path.unlink(missing_ok=True)
                self._lock.drop()
            else:
                self._lock.release()

    def _tidy_up(self) -> bool:
        """Whether nothing waits, asked of the file itself."""
        try:
            self._count()
            if not self.waiting:
                self._writer.execute("PRAGMA synchronous = OFF")  # what is deleted need not be safe
        except sqlite3.Error:
            return False
        return not self.waiting

    # -- fork --

    def pause(self) -> None:
        """Before a fork: let SQLite be at rest, and nobody wake it."""
        self._writing.acquire()
        self._reading.acquire()

    def resume(self) -> None:
        """After a fork, in the parent."""
        self._reading.release()
        self._writing.release()

    def leave_to_parent(self) -> list[object]:
        """After a fork, in the child: what has to be kept for ever, since to let go of it would close it."""
        if self._closed:
            return []
        self._lock.leave_to_parent()
        return [self._inserting, self._writer, self._reader]

    # -- what it is about --

    def state(self) -> Waiting:
        """What waits."""
        return Waiting(
            by=self.identity.by,
            server=self.server.url,
            namespace=self.namespace,
            operations=self.waiting,
            bytes=self._bytes,
            oldest_at=self._oldest_at,
            dropped=self.dropped,
        )

    def _count(self) -> None:
        self.waiting, self._bytes, last = self._writer.execute(_STATE, (self.removed,)).fetchone()
        self.last = max(self.removed, last, self.last)
        oldest = self._writer.execute(_OLDEST, (self.removed,)).fetchone()
        self._set_oldest(oldest[0] if oldest else None)

    def _set_oldest(self, at: int | None) -> None:
        self._oldest_at = at
        age = self._bounds.age
        self._deadline = math.inf if at is None or age is None else at + age * 1000

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def _unusable(self, error: sqlite3.Error) -> SpoolUnusable:
        if self._closed:
            return SpoolUnusable(f"the spool {self.path} was closed: make another producer")
        return file.unusable(self.path, error)


_log = logging.getLogger("producer")
