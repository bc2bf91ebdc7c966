"""A directory of spools: a file for each living producer, and the leftovers of dead ones, which living ones adopt."""

import logging
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, suppress
from operator import itemgetter
from pathlib import Path

from producer.connection.server import UNNAMED, Server
from producer.durability import ACKNOWLEDGED, Durability
from producer.errors import SpoolDamaged, SpoolUnusable
from producer.identity import FormerIdentity, Identity
from producer.spool import file
from producer.spool.file import SpoolFile
from producer.spool.fork import held_off
from producer.spool.lock import LOCK, SPOOL, Owner, SpoolLock, Waiting
from producer.spool.options import Spool
from producer.spool.rescue import put_aside, rescue, sweep
from producer.spool.room import Room
from producer.spool.spool_queue import SpoolQueue

DROPPED = ".dropped"

_log = logging.getLogger("producer")


class SpoolDirectory:
    """The spools in a directory, which is made if it is not there. Raises SpoolUnusable.

    New operations are for the `destination` of the options, and leave when they are as safe as `level`. Only spools
    for that destination count among the leftovers; without a destination all do, and new operations are for the
    server that is used when none is named.
    """

    def __init__(self, spool: Spool | str | os.PathLike[str], *, level: Durability = ACKNOWLEDGED) -> None:
        self._options = Spool.of(spool)
        self.path = Path(os.path.abspath(self._options.directory))  # the process may go elsewhere
        self.has_left_own = False
        """Whether a producer of ours has left a damaged file: its operations precede those that it records now."""
        self._destination = self._options.destination
        self._logged: set[str] = set()
        self._level = level
        with file.translated(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self, identity: Identity | FormerIdentity, namespace: str) -> SpoolQueue:
        """A new spool for the operations of `identity`."""
        server = UNNAMED if self._destination is None else self._destination.recorded
        owner = Owner(
            by=identity.by,
            namespace=namespace,
            server=server.url,
            fsync=self._level.fsync,
            replicas=self._level.replicas,
        )
        return SpoolQueue(
            self._begin(owner),
            identity,
            owner,
            destination=self._destination,
            room=Room(self._options, self._left_by_dead_producers),
            begin_file=self._begin_again,
        )

    def _begin(self, owner: Owner) -> SpoolFile:
        with held_off(), file.translated(self.path):
            lock = SpoolLock.of_new_spool(self.path)
            try:
                return SpoolFile(lock, file.create(lock.spool, owner, synchronous=self._options.synchronous))
            except BaseException:
                lock.remove_with_spool()
                raise

    def _begin_again(self, owner: Owner) -> SpoolFile:
        begun = self._begin(owner)
        self.has_left_own = True
        return begun

    def leftovers(self, skip: Collection[Path] = ()) -> Iterator[SpoolQueue]:
        """The spools for our destination that no living process holds, each adopted as it is asked for.

        A damaged file is replaced by a new one with what is intact. The files in `skip` are passed by. Trouble is
        logged once, and trouble with a file does not keep the others from being adopted.
        """
        sweep(self.path)
        try:
            paths = self.files()
        except SpoolUnusable as error:
            self._log_once(logging.ERROR, str(error))
            return
        for path in paths:
            try:
                queue = None if path in skip else self._adopt_if_ours(path)
            except SpoolUnusable as error:
                self._log_once(logging.ERROR, str(error))
            else:
                if queue is not None:
                    yield queue

    def adopt(self, path: Path) -> SpoolQueue | None:
        """The spool at `path`, ours from here on; None if another holds it, or it is gone. Raises SpoolUnusable."""
        return self._locked(path, self._open)

    def rescue(self, path: Path) -> SpoolQueue | None:
        """A new spool with the intact operations of the damaged spool at `path`, ours from here on.

        None if another holds `path`, or nothing is intact. Raises SpoolUnusable if the new file cannot be written.
        """
        return self._locked(path, self._rescue)

    def drop(self, path: Path) -> Path | None:
        """Where the spool at `path`, never to be delivered, is kept now; None if another holds it.

        Raises SpoolUnusable.
        """
        with held_off(), file.translated(path):
            lock = SpoolLock.take(path.with_suffix(LOCK))
            if lock is None:
                return None
            aside = put_aside(path, DROPPED)
            lock.remove()
            return aside

    def files(self) -> list[Path]:
        """The files of all spools, held or not, the file with the oldest operation first. Raises SpoolUnusable."""
        return [path for _, path, _ in self._aged()]

    def _aged(self) -> list[tuple[int, Path, Waiting | None]]:
        """(since when it waits, in epoch ms, as far as is known; its path; its note) of each, the oldest first."""
        aged = []
        with file.translated(self.path):
            for entry in os.scandir(self.path):
                if entry.name.endswith(SPOOL):
                    with suppress(FileNotFoundError):  # delivered meanwhile
                        path, changed_at = Path(entry.path), entry.stat().st_mtime_ns // 1_000_000
                        noted = Waiting.noted(path)
                        at = changed_at if noted is None or noted.oldest_at is None else noted.oldest_at
                        aged.append((at, path, noted))
        return sorted(aged, key=itemgetter(0, 1))

    def is_held(self, path: Path) -> bool:
        """Whether a living process holds the spool at `path`. Raises SpoolUnusable."""
        with file.translated(path):
            return SpoolLock.is_held(path.with_suffix(LOCK))

    def _takes(self, waiting: Waiting) -> bool:
        return self._destination is None or self._destination.takes(Server(waiting.server), waiting.namespace)

    def _adopt_if_ours(self, path: Path) -> SpoolQueue | None:
        noted = Waiting.noted(path)
        if noted is not None and not self._takes(noted):  # not even locked: its heir must not find it taken
            if not self.is_held(path):
                self._log_others(noted)
            return None
        try:
            queue = self.adopt(path)
        except SpoolDamaged:
            queue = self.rescue(path)
        if queue is None or self._takes(queue.state()):
            return queue
        self._log_others(queue.state())
        queue.close()
        return None

    def _log_others(self, waiting: Waiting) -> None:
        if waiting.operations:
            self._log_once(
                logging.WARNING,
                f"{self.path}: what dead producers left there for {Server(waiting.server)} (namespace "
                f"{waiting.namespace}) is not delivered from here; `producer spool --spool {self.path}` says what "
                "delivers it",
            )

    def _log_once(self, severity: int, message: str) -> None:
        if message not in self._logged:
            self._logged.add(message)
            _log.log(severity, "%s", message)

    def _locked(self, path: Path, use: Callable[[SpoolLock], SpoolQueue | None]) -> SpoolQueue | None:
        with held_off(), file.translated(path):
            lock = SpoolLock.take(path.with_suffix(LOCK))
            if lock is None:
                return None
            if not path.exists():  # delivered before we had the lock
                lock.remove()
                return None
            try:
                return use(lock)
            except BaseException:
                lock.release()
                raise

    def _open(self, lock: SpoolLock) -> SpoolQueue | None:
        with ExitStack() as unless_used:
            opened = SpoolFile(lock, file.connect(lock.spool))
            unless_used.callback(opened.close)
            owner = file.owner(opened.writer)
            if owner is not None:
                identity = FormerIdentity(owner.by, owner.acked)
                room = Room(Spool(self.path), lambda: (0, None))  # nobody records here any more
                queue = SpoolQueue(opened, identity, owner, destination=self._destination, room=room)
                unless_used.pop_all()
                return queue
        lock.remove_with_spool()  # its producer died while it made the file
        return None

    def _rescue(self, lock: SpoolLock) -> SpoolQueue | None:
        queue = None
        with ExitStack() as unless_used:
            saved = SpoolLock.of_new_spool(self.path)
            unless_used.callback(saved.remove)
            if rescue(lock.spool, saved, Waiting.noted(lock.spool)):
                queue = self._open(saved)
                unless_used.pop_all()
        lock.remove()
        return queue

    def _left_by_dead_producers(self) -> tuple[int, int | None]:
        """By their notes: how many bytes wait in their files, and since when. Another user's files do not count."""
        size, times = 0, []
        for at, path, noted in self._aged():
            with suppress(OSError):
                if not SpoolLock.is_held(path.with_suffix(LOCK)):
                    size += max(path.stat().st_size, 0 if noted is None else noted.bytes)
                    if noted is None or (noted.oldest_at is not None and self._takes(noted)):
                        times.append(at)
        return size, min(times, default=None)
