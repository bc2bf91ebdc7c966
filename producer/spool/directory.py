"""A directory of spools: a file for each producer, and those that dead ones left adopted by those that live."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from producer.connection.server import UNNAMED, Server
from producer.durability import ACKNOWLEDGED, Level
from producer.errors import SpoolDamaged, SpoolUnusable
from producer.identity import FormerIdentity, Identity
from producer.spool import file, options
from producer.spool.fork import held_off
from producer.spool.junk import sweep
from producer.spool.lock import LOCK, SPOOL, SpoolLock, Waiting
from producer.spool.rescue import rescue
from producer.spool.room import Elsewhere
from producer.spool.spool import Spool

__all__ = ["SpoolDirectory"]

_log = logging.getLogger("producer")


class SpoolDirectory:
    """The spools in a directory, which is made if it is not there. Raises SpoolUnusable.

    Operations that are put in are for the `destination` of the options, and leave when they are as safe as `level`.
    Only spools for that destination count among the leftovers; without one, all do, and what is put in is for no
    server that is known.
    """

    def __init__(
        self,
        spool: options.Spool | str | os.PathLike[str],
        *,
        level: Level = ACKNOWLEDGED,
    ) -> None:
        self._options = options.Spool.of(spool)
        self.path = Path(os.path.abspath(self._options.directory))  # the process may go elsewhere
        self._destination = self._options.destination
        self._told: set[tuple[str, str]] = set()  # what else waits there, and for whom, is said once; so is trouble
        self._level = level
        with file.translated(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self, identity: Identity, namespace: str) -> Spool:
        """A new spool, for the operations of `identity`."""
        server = UNNAMED if self._destination is None else self._destination.recorded
        owner = file.Owner(by=identity.by, namespace=namespace, server=server, level=self._level)
        with held_off(), file.translated(self.path):
            path, lock = SpoolLock.of_new_spool(self.path)
            try:
                connection = file.create(path, owner, synchronous=self._options.synchronous)
                return Spool(
                    path,
                    lock,
                    connection,
                    identity,
                    owner,
                    sends_to=self._sends_to(server),
                    bounds=self._options,
                    elsewhere=self._left_by_dead_producers,
                )
            except BaseException:
                file.remove(path)
                lock.remove()
                raise

    def leftovers(self, skip: Collection[Path] = ()) -> Iterator[Spool]:
        """The spools for our destination that no living process holds, each ours from here on; of damaged ones what
        is intact. Those at the paths in `skip` are passed by.

        Trouble with one is logged, once: the others need not suffer.
        """
        sweep(self.path)
        for path in self.files():
            if path in skip:
                continue
            lock = path.with_suffix(LOCK)
            # By the note, if there is one, what is another's is not even locked: its heir shall not find it taken.
            try:
                if (noted := Waiting.noted(lock)) is not None and not self._takes(noted):
                    with file.translated(path):
                        if not SpoolLock.is_held(lock):
                            self._tell(noted)
                    continue
                spool = self._adopt_or_rescue(path)
            except SpoolUnusable as error:
                if (told := (str(path), str(error))) not in self._told:
                    self._told.add(told)
                    _log.error("%s", error)
                continue
            if spool is None:
                continue
            if self._takes(spool.state()):
                yield spool
            else:
                self._tell(spool.state())
                spool.close()

    def adopt(self, path: Path) -> Spool | None:
        """The spool at `path`, ours from here on; None when another holds it, or it is gone."""
        with held_off(), file.translated(path):
            lock = SpoolLock.take(path.with_suffix(LOCK))
            if lock is None:
                return None
            if not path.exists():  # delivered before we had the lock
                lock.remove()
                return None
            try:
                return self._open(path, lock)
            except BaseException:
                lock.release()
                raise

    def rescue(self, path: Path) -> Spool | None:
        """In the place of the damaged one at `path` another, with what is intact of it, ours; None if nothing is."""
        with held_off(), file.translated(path):
            lock = SpoolLock.take(path.with_suffix(LOCK))
            if lock is None:
                return None
            saved, saved_lock = SpoolLock.of_new_spool(path.parent)
            try:
                is_saved = rescue(path, saved)
                if is_saved:
                    saved_lock.leave_to_owner_of(saved)
            except BaseException:
                lock.release()
                saved_lock.remove()
                raise
            lock.remove()
            if not is_saved:
                saved_lock.remove()
                return None
            return self._open(saved, saved_lock)

    def files(self) -> list[Path]:
        """The files of all spools, whoever holds them, the oldest first."""
        aged = []
        with file.translated(self.path):
            for entry in os.scandir(self.path):
                if entry.name.endswith(SPOOL):
                    with suppress(FileNotFoundError):  # delivered meanwhile
                        aged.append((entry.stat().st_mtime_ns, entry.path))
        return [Path(path) for _, path in sorted(aged)]

    def _takes(self, waiting: Waiting) -> bool:
        return self._destination is None or self._destination.takes(Server(waiting.server), waiting.namespace)

    def _sends_to(self, server: Server) -> Server:
        return server if self._destination is None else self._destination.server

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

    def _adopt_or_rescue(self, path: Path) -> Spool | None:
        try:
            return self.adopt(path)
        except SpoolDamaged:
            return self.rescue(path)

    def _open(self, path: Path, lock: SpoolLock) -> Spool | None:
        connection = file.connect(path)
        try:
            owner = file.owner(connection)
            if owner is not None:
                return Spool(
                    path,
                    lock,
                    connection,
                    FormerIdentity(owner.by, owner.acked),
                    owner,
                    sends_to=self._sends_to(owner.server),
                    bounds=options.Spool(self.path),
                    elsewhere=Elsewhere,
                )
        except BaseException:
            connection.close()
            raise
        connection.close()
        file.remove(path)  # its producer died while it made it
        lock.remove()
        return None

    def _left_by_dead_producers(self) -> Elsewhere:
        """How much waits in their files, and since when, by what is noted. What is another user's does not count."""
        size, times = 0, []
        for path in self.files():
            lock = path.with_suffix(LOCK)
            with suppress(OSError):
                if SpoolLock.is_held(lock):
                    continue
                found, noted = path.stat(), Waiting.noted(lock)
                size += max(found.st_size, 0 if noted is None else noted.bytes)
                if noted is None:
                    times.append(found.st_mtime_ns // 1_000_000)
                elif noted.oldest_at is not None and self._takes(noted):
                    times.append(noted.oldest_at)
        return Elsewhere(size, min(times, default=None))
