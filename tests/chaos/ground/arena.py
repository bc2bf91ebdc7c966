"""The arena: a server, producers that write to it, projectors that project it, and a wire between that can go bad."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Self

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from projector.bounds import Bounds
from tests.chaos.ground.operator_commands import Answer, examine, rebuild, verify
from tests.chaos.ground.projectors import ProjectorProcess, Projectors
from tests.chaos.ground.small_disk import limitable_program
from tests.chaos.ground.waiting import until
from tests.chaos.ground.wire import Wire
from tests.chaos.history.figures import Figures
from tests.chaos.history.history_checker import HistoryChecker
from tests.chaos.history.losses import Losses
from tests.chaos.history.standing_projection import StandingProjection
from tests.chaos.history.surviving_archive import Trail, read_archive
from tests.chaos.history.surviving_log import LogEntry, read_log
from tests.chaos.writers.journal import Attempt
from tests.chaos.writers.producers import Producers
from tests.chaos.writers.way import Way
from tests.support.servers import Server

__all__ = ["Arena"]

LEASE_SECONDS = 0.6


class Arena:
    """Everything that runs belongs to it and ends with it. `seed` decides what the producers write.

    `losses` is where a fault says what it was allowed to take, `by_hand` has the ids of entries that a vandal wrote.
    With `archives` the projectors archive the log to `archive`, and trim it.
    """

    namespace = "chaos"

    def __init__(
        self,
        directory: Path,
        seed: str,
        *,
        producers: Sequence[Way] = (Way.DIRECT, Way.SPOOLED),
        projectors: int = 1,
        pace: float = 0.004,
        appendfsync: str = "everysec",
        archives: bool = False,
    ) -> None:
        self.directory = directory
        self.archive = directory / "archive" if archives else None
        self.figures = Figures()
        self.losses = Losses()
        self.by_hand: set[str] = set()
        self.appendfsync = appendfsync
        self._stopped: list[ProjectorProcess] = []
        url = self.begin()
        self.producers = Producers(
            url, self.namespace, directory / "producers", Random(f"{seed} producers"), pace=pace
        )
        self.projectors = Projectors(
            url,
            self.namespace,
            directory / "projectors",
            lease_seconds=LEASE_SECONDS,
            client=lambda: self.client,
            archive=self.archive,
        )
        can_sync = self.has_waitaof()
        for way in producers:
            # A server without WAITAOF would refuse a synced writer for good.
            self.producers.start(way if can_sync or way is not Way.SYNCED else Way.SPOOLED)
        self.projectors.start(projectors)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.producers.kill()
        self.projectors.kill()
        self.end()

    # -- what it stands on, which a cluster has otherwise --

    def begin(self) -> str:
        """Start the server; the URL by which writers and projectors reach it."""
        self._servers = 0
        self._server = self.new_server()
        self._client = _control(self._server)
        self.wire = Wire(self._server.port)
        return self.wire.url

    def end(self) -> None:
        self.wire.close()
        self._client.close()
        self._server.kill()

    @property
    def server(self) -> Server:
        """The one that has the log now."""
        return self._server

    @property
    def client(self) -> redis.Redis:
        """Reaches the log past the wire."""
        return self._client

    @property
    def url(self) -> str:
        """What an operator types."""
        return self._server.url

    def has_waitaof(self) -> bool:
        return self._server.has_waitaof()

    def calm(self) -> None:
        """Let no fault go on that faults of another place have left."""
        self.wire.calm()

    def new_server(self) -> Server:
        directory = self.directory / f"server-{self._servers}"
        self._servers += 1
        options = ("--appendfsync", self.appendfsync, "--repl-diskless-sync-delay", "0")
        return Server(directory, *options, program=limitable_program(directory)).start()

    def move_to(self, server: Server) -> None:
        """Lead everybody to another server; the old one is the caller's to end."""
        self._server, self._client = server, _control(server)
        self.wire.switch(server.port)

    def key(self, name: str) -> str:
        return f"{{{self.namespace}}}:{name}"

    # -- what an operator does --

    def verify(self) -> Answer:
        return verify(self.url, self.namespace, self.archive)

    def rebuild(self, *options: str) -> Answer:
        return rebuild(self.url, self.namespace, *options, archive=self.archive)

    # -- waiting for conditions --

    def entries(self) -> int:
        """How many entries are projected."""
        return int(self.client.hget(self.key("checkpoint"), "entries") or 0)

    def length(self) -> int:
        return int(self.client.xlen(self.key("wal")))

    def wait_for_progress(self, more: int = 50) -> None:
        """Until so many more entries are projected than now: everybody is at work."""
        goals: list[int] = []

        def reached() -> bool:
            entries = self.entries()
            goals.append(entries + more)
            return entries >= goals[0]

        until(reached, lambda: f"{more} more entries projected; projectors say {self.projectors.last_words()}")

    @contextmanager
    def backlog(self, entries: int = 5) -> Iterator[None]:
        """In the block the projectors are frozen, and at least so many entries wait for them."""
        for process in self.projectors.running:
            process.send(signal.SIGSTOP)
        goal = self.length() + entries
        until(lambda: self.length() >= goal, lambda: "a backlog")
        yield
        for process in self.projectors.running:
            process.send(signal.SIGCONT)

    # -- what a vandal does, with what it takes noted --

    def vandalise(self, *commands: tuple[Any, ...]) -> None:
        """Run `commands` at one instant; entries that are gone with them are losses, those that came are by hand."""
        read = ("XRANGE", self.key("wal"), "-", "+")
        with self.client.pipeline(transaction=True) as pipeline:
            for command in (read, *commands, read):
                pipeline.execute_command(*command)
            replies = pipeline.execute()
        before, after = (
            {entry_id: LogEntry.of_fields(entry_id, fields) for entry_id, fields in replies[at]} for at in (0, -1)
        )
        # Compared whole: within one millisecond another log gives the ids once more.
        self.losses.take([entry for entry_id, entry in before.items() if entry != after.get(entry_id)])
        self.by_hand.update(entry.id for entry_id, entry in after.items() if entry != before.get(entry_id))

    # -- the end of a run --

    def count_commits(self) -> None:
        """Each commit renews the lease, as does an inspection each second. A server counts until it ends.

        Only the projector's transactions watch a key.
        """
        self._count_commits(self.client)

    def _count_commits(self, client: redis.Redis) -> None:
        stats = client.info("commandstats")
        self.figures.commits += stats.get("cmdstat_pexpire", {}).get("calls", 0)
        self.figures.transactions += stats.get("cmdstat_watch", {}).get("calls", 0)

    def settle(self) -> None:
        """Have every producer say its last word, and every entry projected. Nothing is archived or trimmed then."""
        self.producers.finish()
        self._await_the_end()
        if self.archive:
            manifests = self.archive / self.namespace / "manifests"
            until(lambda: any(manifests.glob("*.json")), lambda: f"a segment; {self.projectors.last_words()}")
            self._stopped += self.projectors.stopped_by_themselves()
            self.projectors.end_archiving()
            self._await_the_end()
            if self.losses.set_back:
                self._take_back()

    def _take_back(self) -> None:
        """Have the projection take in what the archive has and the server lost, if `verify` says that it lacks it."""
        verified = self.verify()
        if verified.status and (verified.status != 1 or "projector rebuild" not in verified.text):
            raise AssertionError(f"no rebuild is advised: {verified.text}")
        if verified.status and (answer := self.rebuild()).status:
            raise AssertionError(f"the rebuild ended with {answer.status}: {answer.text}")
        self._await_the_end()

    def lost(self) -> list[Attempt]:
        """What was acknowledged, or left a spool, and is no longer in the log."""
        return self._checker().lost

    def violations(self) -> list[str]:
        """What does not hold now that all is settled, by the history checker and by `projector verify`."""
        checker = self._checker()
        found = checker.violations(StandingProjection(self.client, self.namespace), Bounds())
        verified = self.verify()
        if verified.status:
            found.append(f"projector verify: {verified.text}")
        if self.archive:
            examined = examine(self.url, self.namespace, self.archive)
            found += [f"projector archive verify: {examined.text}"] if examined.status else []
        self._stopped += self.projectors.stopped_by_themselves()
        found += [f"a projector stopped: {ended.said}" for ended in self._stopped]
        self._count(checker)
        self.count_commits()
        return found

    def _checker(self) -> HistoryChecker:
        log = read_log(self.client, self.key("wal"))
        trail = Trail.of(read_archive(self.archive / self.namespace) if self.archive else [], log)
        return HistoryChecker(self.producers.attempts(), trail, self.losses, self.by_hand)

    def _await_the_end(self) -> None:
        until(self._stands_at_the_end, lambda: f"the whole log projected; they say {self.projectors.last_words()}")

    def _stands_at_the_end(self) -> bool:
        last_id = self.client.hget(self.key("checkpoint"), "last_id")
        newest: Any = self.client.xrevrange(self.key("wal"), count=1)
        return bool(newest) and newest[0][0] == last_id

    def _count(self, checker: HistoryChecker) -> None:
        figures, expected = self.figures, checker.expected
        figures.attempted += len(checker.attempts)
        figures.acknowledged += len(checker.promised)
        figures.spooled += sum(attempt.is_spooled for attempt in checker.promised)
        figures.replicated += sum(attempt.replicated for attempt in checker.promised)
        figures.counted += expected.entries - expected.duplicates
        figures.repeated += expected.duplicates
        left_behind = sum(map(self.losses.left_behind, checker.lost))
        figures.left_behind += left_behind
        figures.unsynced += len(checker.lost) - left_behind
        figures.missing += expected.missing


def _control(server: Server) -> redis.Redis:
    """A client past the wire; what it sends may be repeated, and it waits while the server is away."""
    return redis.Redis(port=server.port, protocol=2, retry=Retry(ConstantBackoff(0.05), 60))
