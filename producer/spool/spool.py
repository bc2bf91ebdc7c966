"""One producer's operations on disk, in the order of their numbers, until they may leave."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from producer.connection.server import Server
from producer.errors import SpoolDamaged, SpoolFull, SpoolUnusable
from producer.identity import FormerIdentity, Identity
from producer.queue.queue import Numbered
from producer.spool import file, options, rescue
from producer.spool.fork import held_off, keep_apart
from producer.spool.lock import SpoolLock, Waiting
from producer.spool.reader import Reader
from producer.spool.room import Elsewhere, Room

__all__ = ["Spool"]

_INSERT = "INSERT INTO operation (seq, at, checksum, op) VALUES (?, ?, ?, ?)"
_REMOVE = "DELETE FROM operation WHERE seq <= ?"
_CLAIM = "UPDATE producer SET acked = ?"
_STATE = "SELECT count(*), ifnull(sum(length(op)), 0), ifnull(max(seq), 0) FROM operation WHERE seq > ?"

_CHECKPOINT_WRITES = 4000


class Spool:
    """What waits in the file at `path`; its `lock` is ours. Safe under threads; a forked child has no part in it.

    For `server`; once it may have arrived, for the one it `sends_to`. A file that turns out damaged is left behind,
    and what is intact of it goes on in another. Raises SpoolFull and SpoolUnusable.
    """

    def __init__(
        self,
        path: Path,
        lock: SpoolLock,
        connection: sqlite3.Connection,
        identity: Identity | FormerIdentity,
        owner: file.Owner,
        *,
        sends_to: Server,
        bounds: options.Spool,
        elsewhere: Callable[[], Elsewhere],
    ) -> None:
        self.path = path
        self.identity = identity
        self.namespace = owner.namespace
        self.server = owner.server
        self.level = owner.level
        self._sends_to = sends_to
        self.removed = 0
        self.dropped = owner.dropped
        self._lock = lock
        self._room = Room(bounds, elsewhere)
        self._damage: SpoolDamaged | None = None
        self._writer = connection
        self._inserting = connection.cursor()  # to make one takes as long as a tenth of what it does
        # One for reading, so that it holds up no call. Both are locked whenever SQLite is at work: what it holds
        # itself while a fork takes place, the child would find held for ever. A signal handler may record, too.
        self._reader = Reader(path)
        self._writing, self._reading = threading.RLock(), threading.RLock()
        self._closed = False
        self._surplus = 0  # the number of the one operation beyond the bounds
        self._unreported = 0  # dropped, since it was last said
        self._writes = 0
        self._claimed = owner.acked
        self.last = 0
        self._count()
        lock.note(self.state())
        keep_apart(self)

    # -- in --

    def append(self, op: bytes, at: int) -> int:
        with self._writing:
            if self._bytes + len(op) > self._room.bytes or at > self._room.deadline:
                reason = self._room.refusal(self._bytes, len(op), at)
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
        if self._room.bounds.on_full == "raise":
            raise SpoolFull(f"the spool {self.path} is full: {reason}")
        if self._surplus <= self.removed:  # there is none, or it has gone out
            self._surplus = self._insert(op, at)
            return self._surplus
        self.last = seq = self.last + 1
        try:
            file.replace(self._writer, self._surplus, (seq, at, file.checksum(op), op))
        except sqlite3.Error as error:
            self.last = min(self.last, seq - 1)  # not used up
            raise self._unusable(error) from error
        self._surplus = seq
        self.dropped += 1
        self._unreported += 1
        if self._unreported == 1:
            _log.warning("%s is full (%s): operations are dropped, and will be missing", self.path, reason)
        return seq

    # -- out --

    def batch(self, count: int, size: int) -> list[Numbered]:
        with self._reading:
            try:
                return self._reader.batch(self.removed, count, size)
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            except ValueError as error:
                self._damage = file.damaged(self.path, str(error))
                raise self._damage from error

    def bind(self) -> None:
        if self.server == self._sends_to:
            return
        with self._writing:
            self._lock.note(None)  # who dies in between shall leave no note that is wrong
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
                    self._set_oldest(file.oldest(self._writer, self.removed))
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            self._writes += 1
            if self._unreported and self._bytes < self._room.bytes:
                _log.warning("%s has room again: %d operations were dropped", self.path, self._unreported)
                self._unreported = 0

    def tend(self) -> None:
        """Note what waits; now and then copy SQLite's log back into the file, which waits for the disk.

        A file that turned out damaged is left behind. Where what is intact cannot be saved, all stays as it is.
        """
        if self._damage is not None:
            self._mend()
        with self._reading, file.translated(self.path):
            if self._closed:
                return
            self._lock.note(self.state())
            if self._writes < _CHECKPOINT_WRITES:
                return
            self._writes = 0
            try:
                self._reader.checkpoint()
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def _mend(self) -> None:
        with held_off(), self._writing, self._reading, file.translated(self.path):
            if self._closed:
                return
            damaged, lock, reader, writer = self.path, self._lock, self._reader, self._writer
            try:
                successor = rescue.succeed(damaged, writer, self._owner())
            except (sqlite3.Error, OSError) as error:
                raise SpoolDamaged(f"{self._damage}; what is intact cannot be saved: {file.said(error)}") from error
            self.path, self._lock, self._writer, self._reader, rows = successor
            self._inserting = self._writer.cursor()
            self._damage, self._surplus = None, 0
            self._count()
            with suppress(sqlite3.Error):
                reader.close()
                writer.close()
            try:
                rescue.put_aside(damaged, rows)
            finally:
                lock.remove()

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
            try:
                if is_empty:
                    file.remove(self.path)
            except OSError:
                is_empty = False  # who comes next will do it
            if is_empty:
                self._lock.remove()
            else:
                self._lock.release()

    def _tidy_up(self) -> bool:
        """Whether nothing waits, asked of the file itself."""
        try:
            self._count()
            if not self.waiting:
                self._writer.execute("PRAGMA synchronous = OFF")  # what is deleted need not be safe
            self._lock.note(self.state())
        except (sqlite3.Error, OSError):
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
        self._lock.release()
        return [self._inserting, self._writer, self._reader.connection]

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

    def _owner(self) -> file.Owner:
        return file.Owner(
            by=self.identity.by,
            namespace=self.namespace,
            server=self.server,
            level=self.level,
            acked=self._claimed,
            dropped=self.dropped,
        )

    def _count(self) -> None:
        self.waiting, self._bytes, last = self._writer.execute(_STATE, (self.removed,)).fetchone()
        self.last = max(self.removed, last, self.last)
        self._set_oldest(file.oldest(self._writer, self.removed))

    def _set_oldest(self, at: int | None) -> None:
        self._oldest_at = at
        self._room.keep_time(at)

    def _unusable(self, error: sqlite3.Error) -> SpoolUnusable:
        if self._closed:
            return SpoolUnusable(f"the spool {self.path} was closed: make another producer")
        found = file.unusable(self.path, error)
        if isinstance(found, SpoolDamaged):
            self._damage = found
        return found


_log = logging.getLogger("producer")
