"""A directory of spools: a file for each living producer, and the leftovers of dead ones, which living ones adopt."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

from producer.connection.server import UNNAMED, Server
from producer.durability import ACKNOWLEDGED, Durability
from producer.errors import SpoolDamaged, SpoolUnusable
from producer.identity import FormerIdentity, Identity
from producer.spool import file, options
from producer.spool.file import Owner, SpoolFile
from producer.spool.fork import held_off
from producer.spool.lock import LOCK, SPOOL, SpoolLock, Waiting
from producer.spool.rescue import rescue, sweep
from producer.spool.room import LeftBehind, Room
from producer.spool.spool_queue import SpoolQueue

_log = logging.getLogger("producer")


class SpoolDirectory:
    """The spools in a directory, which is made if it is not there. Raises SpoolUnusable.

    New operations are for the `destination` of the options, and leave when they are as safe as `level`. Only spools
    for that destination count among the leftovers; without a destination all do, and new operations are for the
    server that is used when none is named.
    """

    def __init__(
        self,
        spool: options.Spool | str | os.PathLike[str],
        *,
        level: Durability = ACKNOWLEDGED,
    ) -> None:
        self._options = options.Spool.of(spool)
        self.path = Path(os.path.abspath(self._options.directory))  # the process may go elsewhere
        self.has_left_own = False
        """Whether a producer of ours has left a damaged file here: what it holds precedes what is recorded now."""
        self._destination = self._options.destination
        self._told: set[tuple[str, str]] = set()  # for whom others wait, and each trouble, is said once
        self._level = level
        with file.translated(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self, identity: Identity, namespace: str) -> SpoolQueue:
        """A new spool for the operations of `identity`."""
        server = UNNAMED if self._destination is None else self._destination.recorded
        owner = Owner(by=identity.by, namespace=namespace, server=server, level=self._level)
        room = Room(self._options, self._left_by_dead_producers)

        def begin_again(owner: Owner) -> tuple[SpoolFile, SpoolLock]:
            begun = self._begin(owner)
            self.has_left_own = True
            return begun

        opened, lock = self._begin(owner)
        return SpoolQueue(
            opened, lock, identity, owner, sends_to=self._sends_to(server), room=room, begin_file=begin_again
        )

    def _begin(self, owner: Owner) -> tuple[SpoolFile, SpoolLock]:
        with held_off(), file.translated(self.path):
            path, lock = SpoolLock.of_new_spool(self.path)
            try:
                return SpoolFile(path, file.create(path, owner, synchronous=self._options.synchronous)), lock
            except BaseException:
                file.remove(path)
                lock.remove()
                raise

    def leftovers(self, skip: Collection[Path] = ()) -> Iterator[SpoolQueue]:
        """The spools for our destination that no living process holds, each adopted as it is asked for.

        Of a damaged file it is a new one with what is intact. The files in `skip` are passed by. Trouble with a file
        is logged once, and does not keep the others from being adopted.
        """
        sweep(self.path)
        for path in self.files():
            if path in skip:
                continue
            try:
                # By its note, another server's spool is not even locked: its heir must not find it taken.
                noted = Waiting.noted(path.with_suffix(LOCK))
                if noted is None or self._takes(noted):
                    queue = self._adopt_or_rescue(path)
                    if queue is not None and self._takes(queue.state()):
                        yield queue
                    elif queue is not None:
                        self._tell(queue.state())
                        queue.close()
                elif not self.is_held(path):
                    self._tell(noted)
            except SpoolUnusable as error:
                if (told := (str(path), str(error))) not in self._told:
                    self._told.add(told)
                    _log.error("%s", error)

    def adopt(self, path: Path) -> SpoolQueue | None:
        """The spool at `path`, ours from here on; None if another holds it, or it is gone. Raises SpoolUnusable."""
        return self._locked(path, self._open)

    def rescue(self, path: Path) -> SpoolQueue | None:
        """In place of the damaged spool at `path` a new one with what is intact of it, ours from here on.

        None if another holds it, or nothing is intact. Raises SpoolUnusable if the new file cannot be written.
        """
        return self._locked(path, self._rescue)

    def files(self) -> list[Path]:
        """The files of all spools, held or not, the file with the oldest operation first. Raises SpoolUnusable."""
        aged = []
        with file.translated(self.path):
            for entry in os.scandir(self.path):
                if entry.name.endswith(SPOOL):
                    with suppress(FileNotFoundError):  # delivered meanwhile
                        path, noted = Path(entry.path), Waiting.noted(Path(entry.path).with_suffix(LOCK))
                        oldest_at = None if noted is None else noted.oldest_at
                        aged.append((entry.stat().st_mtime_ns // 1_000_000 if oldest_at is None else oldest_at, path))
        return [path for _, path in sorted(aged)]

    def is_held(self, path: Path) -> bool:
        """Whether a living process holds the spool at `path`. Raises SpoolUnusable."""
        with file.translated(path):
            return SpoolLock.is_held(path.with_suffix(LOCK))

    def _takes(self, waiting: Waiting) -> bool:
        return self._destination is None or self._destination.takes(Server(waiting.server), waiting.namespace)

    def _tell(self, waiting: Waiting) -> None:
        whose = waiting.server, waiting.namespace
        if waiting.operations and whose not in self._told:
            self._told.add(whose)
            _log.warning(
                "%s: what dead producers left there for %s (namespace %s) is not delivered from here; "
                "`producer spool --spool %s` says what delivers it",
                self.path,
                Server(waiting.server),
                waiting.namespace,
                self.path,
            )

    def _adopt_or_rescue(self, path: Path) -> SpoolQueue | None:
        try:
            return self.adopt(path)
        except SpoolDamaged:
            return self.rescue(path)

    def _locked(self, path: Path, use: Callable[[Path, SpoolLock], SpoolQueue | None]) -> SpoolQueue | None:
        with held_off(), file.translated(path):
            lock = SpoolLock.take(path.with_suffix(LOCK))
            if lock is None:
                return None
            if not path.exists():  # delivered before we had the lock
                lock.remove()
                return None
            try:
                return use(path, lock)
            except BaseException:
                lock.release()
                raise

    def _open(self, path: Path, lock: SpoolLock) -> SpoolQueue | None:
        opened = SpoolFile(path, file.connect(path))
        try:
            owner = file.owner(opened.writer)
            if owner is not None:
                return SpoolQueue(
                    opened,
                    lock,
                    FormerIdentity(owner.by, owner.acked),
                    owner,
                    sends_to=self._sends_to(owner.server),
                    room=Room(options.Spool(self.path), LeftBehind),  # nobody records here any more
                )
        except BaseException:
            opened.close()
            raise
        opened.close()
        file.remove(path)  # its producer died while it made it
        lock.remove()
        return None

    def _rescue(self, path: Path, lock: SpoolLock) -> SpoolQueue | None:
        queue = None
        noted = Waiting.noted(lock.path)
        saved, saved_lock = SpoolLock.of_new_spool(path.parent)
        try:
            if rescue(path, saved, saved_lock, None if noted is None else noted.owner):
                queue = self._open(saved, saved_lock)
            else:
                saved_lock.remove()
        except BaseException:
            saved_lock.remove()
            raise
        lock.remove()
        return queue

    def _sends_to(self, server: Server) -> Server:
        return server if self._destination is None else self._destination.server

    def _left_by_dead_producers(self) -> LeftBehind:
        """By their notes: how much waits in their files, and since when. Another user's files do not count."""
        size, times = 0, []
        for path in self.files():
            with suppress(OSError):
                lock = path.with_suffix(LOCK)
                if SpoolLock.is_held(lock):
                    continue
                found, noted = path.stat(), Waiting.noted(lock)
                size += max(found.st_size, 0 if noted is None else noted.bytes)
                if noted is None:
                    times.append(found.st_mtime_ns // 1_000_000)
                elif noted.oldest_at is not None and self._takes(noted):
                    times.append(noted.oldest_at)
        return LeftBehind(size, min(times, default=None))
