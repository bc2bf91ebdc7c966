"""One producer's operations on the local disk, in the order of their numbers, until the log has them."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from producer.connection.destination import Destination
from producer.errors import SpoolDamaged, SpoolFull, SpoolUnusable
from producer.identity import FormerIdentity, Identity
from producer.queue.queue import Backlog, Numbered
from producer.spool import file
from producer.spool.file import SpoolFile
from producer.spool.fork import held_off, keep_apart
from producer.spool.lock import Owner, Waiting
from producer.spool.room import Room
from producer.text.wording import counted

_CHECKPOINT_WRITES = 4000

_log = logging.getLogger("producer")


class SpoolQueue:
    """The queue in the file `opened`. Safe under threads; a forked child has no part in it.

    Its operations are for the server of `owner`, and from `bind` on for the server of `destination` (None: the same),
    to which they are sent. If the file of a living producer turns out damaged, `tend` goes on under the same identity
    in a new file that `begin_file` makes. The damaged file is a leftover from then on. Raises SpoolFull and
    SpoolUnusable.
    """

    def __init__(
        self,
        opened: SpoolFile,
        identity: Identity | FormerIdentity,
        owner: Owner,
        *,
        destination: Destination | None,
        room: Room,
        begin_file: Callable[[Owner], SpoolFile] | None = None,
    ) -> None:
        self.identity = identity
        self.namespace = owner.namespace
        self.level = owner.level
        self.removed = 0
        self.last = 0
        self._owner = owner
        self._file = opened
        self._sends_to = owner.server if destination is None else destination.server.url
        self._room = room
        self._begin_file = begin_file
        self._damage: SpoolDamaged | None = None
        # Held whenever SQLite is at work: its own locks, if held during a fork, would be held in the child for ever.
        # Reentrant, because a signal handler may record, too.
        self._writing, self._reading = threading.RLock(), threading.RLock()
        self._closed = False
        self._surplus = self._surplus_bytes = 0  # the number and size of the one operation beyond the bounds
        self._unreported = 0  # dropped since the last warning
        self._dropped = 0  # of this file and of those before it
        self._writes = 0  # since the last checkpoint
        self._count()
        opened.lock.note(self.state())
        keep_apart(self)

    @property
    def path(self) -> Path:
        return self._file.path

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
            self._file.insert(seq, at, op)
        except sqlite3.Error as error:
            raise self._not_taken(seq, error) from error
        if not self.waiting:
            self._set_oldest(at)
        self.waiting += 1
        self._bytes += len(op)
        self._writes += 1
        return seq

    def _append_beyond(self, reason: str, op: bytes, at: int) -> int:
        if self._room.bounds.on_full == "raise":
            raise SpoolFull(f"the spool {self.path} is full: {reason}")
        if self._surplus <= self.removed:  # there is none, or it was sent
            self._surplus, self._surplus_bytes = self._insert(op, at), len(op)
            return self._surplus
        self.last = seq = self.last + 1
        try:
            self._file.replace(self._surplus, seq, at, op)
        except sqlite3.Error as error:
            raise self._not_taken(seq, error) from error
        self._bytes += len(op) - self._surplus_bytes
        self._surplus, self._surplus_bytes = seq, len(op)
        self._owner = replace(self._owner, dropped=self._owner.dropped + 1)
        self._unreported += 1
        self._dropped += 1
        if self._unreported == 1:
            _log.warning("%s is full (%s): operations are dropped, and will be missing", self.path, reason)
        return seq

    def _not_taken(self, seq: int, error: sqlite3.Error) -> SpoolUnusable:
        if self.last == seq:  # else a signal handler has used up the next number
            self.last -= 1
        return self._unusable(error)

    # -- out --

    def batch(self, count: int, size: int) -> list[Numbered]:
        with self._reading, self._translated():
            return self._file.batch(self.removed, count, size)

    def bind(self) -> None:
        if self._owner.server == self._sends_to:
            return
        with self._writing, self._translated():
            self._file.lock.note(None)  # else a wrong note would stay if we died in between
            self._file.bind(self._sends_to)
            self._owner = replace(self._owner, server=self._sends_to)
            self._file.lock.note(self.state())

    def remove(self, sent: Sequence[Numbered], acked: int) -> None:
        with self._writing, self._translated():
            self.removed = sent[-1][0]  # first, so that no trouble with the file has them sent again
            found = self._file.remove(self.removed)
            if acked > self._owner.acked:
                self._file.claim(acked)
                self._owner = replace(self._owner, acked=acked)
            self.waiting -= found
            self._bytes -= sum(len(op) for _, op in sent)
            if found != len(sent) or not self.waiting:
                self._count()
            else:
                self._set_oldest(self._file.oldest(self.removed))
            self._writes += 1
            if self._unreported and self._bytes < self._room.bytes:
                told = counted(self._unreported, "operation was", "operations were")
                _log.warning("%s has room again: %s dropped", self.path, told)
                self._unreported = 0

    def tend(self) -> None:
        """Go on in a new file if the file is damaged; note what waits; now and then let SQLite copy its log back."""
        if self._damage is not None and self._begin_file is not None:
            self._begin_anew(self._begin_file)
        with self._reading, self._translated():
            if self._closed:
                return
            self._file.lock.note(self.state())
            if self._writes >= _CHECKPOINT_WRITES:  # it waits for the disk
                self._writes = 0
                self._file.checkpoint()

    def _begin_anew(self, begin_file: Callable[[Owner], SpoolFile]) -> None:
        with held_off(), self._writing, self._reading:
            if self._closed:
                return
            old, owner = self._file, replace(self._owner, dropped=0)
            try:
                old.lock.note(self.state())  # by it the old file is known to be the older one
                self._file = begin_file(owner)
            except (SpoolUnusable, OSError) as error:
                raise SpoolDamaged(f"{self._damage}; no new file can be begun: {error}") from error
            self._owner, self._damage, self._surplus = owner, None, 0
            self.waiting = self._bytes = 0
            self._set_oldest(None)
            with suppress(sqlite3.Error):
                old.remove(self.removed)  # sent, and maybe still there because of the damage
            with suppress(sqlite3.Error):
                old.close()
            old.lock.release()
            self._room.measure()
            _log.warning("%s is damaged: %s goes on with what is recorded from now on", old.path, self.path.name)

    def close(self) -> None:
        """Take no more. Waiting operations stay in the file for the next producer; an empty file is removed."""
        with self._writing, self._reading:
            if self._closed:
                return
            self._closed = True
            is_empty = False
            with suppress(sqlite3.Error, OSError):  # in doubt the file stays, for the next producer to look into
                self._count()
                self._file.lock.note(self.state())
                if not self.waiting and self._damage is None:
                    self._file.writer.execute("PRAGMA synchronous = OFF")  # the file is about to be removed
                    is_empty = True
            self._file.close()
            if is_empty:
                with suppress(OSError):
                    self._file.lock.remove_with_spool()
                    return
            self._file.lock.release()

    # -- fork --

    def pause(self) -> None:
        """Before a fork: keep every thread out of SQLite."""
        self._writing.acquire()
        self._reading.acquire()

    def resume(self) -> None:
        """After a fork, in the parent."""
        self._reading.release()
        self._writing.release()

    def leave_to_parent(self) -> list[object]:
        """After a fork, in the child: the connections, to be kept for ever, because Python closes them otherwise."""
        if self._closed:
            return []
        self._file.lock.release()
        return [self._file.inserting, self._file.writer, self._file.reader]

    # -- the state --

    def state(self) -> Waiting:
        return Waiting(**asdict(self._owner), operations=self.waiting, bytes=self._bytes, oldest_at=self._oldest_at)

    @property
    def backlog(self) -> Backlog:
        return Backlog(
            operations=self.waiting, disk_bytes=self._bytes, oldest_at=self._oldest_at, dropped=self._dropped
        )

    def _count(self) -> None:
        self.waiting, self._bytes, last = self._file.count(self.removed)
        self.last = max(self.removed, last, self.last)
        self._set_oldest(self._file.oldest(self.removed))

    def _set_oldest(self, at: int | None) -> None:
        self._oldest_at = at
        self._room.keep_time(at)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: sqlite3.Error | OSError) -> SpoolUnusable:
        if self._closed:
            return SpoolUnusable(f"the spool {self.path} was closed: make another producer")
        found = file.unusable(self.path, error)
        if isinstance(found, SpoolDamaged):
            self._damage = found
        return found
