"""The producers of a run: writer processes, each with a journal of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.ground.operator_commands import flush
from tests.chaos.ground.waiting import until
from tests.chaos.writers.journal import RETURNED, Attempt, read_journal
from tests.chaos.writers.way import Way
from tests.support.servers import die_with_parent

__all__ = ["Producers"]


class Producers:
    """Starts writers, kills them, and reads their journals. The seed decides what they write, the clock how much."""

    def __init__(self, url: str, namespace: str, directory: Path, random: Random, *, pace: float) -> None:
        self._url = url
        self._namespace = namespace
        self._directory = directory
        self._random = random
        self._pace = pace
        self._running: list[_Running] = []
        self._journals: dict[Path, Way] = {}
        directory.mkdir(parents=True)

    def start(self, way: Way) -> None:
        """One more writer."""
        name = f"w{len(self._journals)}"
        journal = self._directory / f"{name}.journal"
        journal.touch()
        seed = self._random.getrandbits(32)
        arguments = [self._url, self._namespace, way.value, str(journal), name, str(seed), str(self._pace)]
        self._journals[journal] = way
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.writers.writer", *arguments], preexec_fn=die_with_parent
        )
        self._running.append(_Running(process, journal, way))

    def wait_until_all_write(self) -> None:
        until(lambda: all(writer.writes for writer in self._running), lambda: "writers that write")

    def kill_one(self, random: Random) -> None:
        """SIGKILL to one of them; another, with an identity and numbers of its own, takes its place.

        What waits in the victim's spool it finds there, and sends.
        """
        victim = self._running.pop(random.randrange(len(self._running)))
        victim.kill()
        self.start(victim.way)

    def finish(self) -> None:
        """Have each end with an operation that is acknowledged, and every spool empty; raises when one cannot."""
        self.wait_until_all_write()
        running, self._running = self._running, []
        for writer in running:
            writer.process.terminate()
        for writer in running:
            if status := writer.process.wait(90):
                raise AssertionError(f"a writer ended with status {status}")
        for way in set(self._journals.values()):
            if way.is_spooled:
                self._empty(way.spool(self._directory))

    def _empty(self, spool: Path) -> None:
        """What neither its writer nor another has sent, the operator's command does."""
        flushed = flush(self._url, spool)
        left = sorted(path.name for path in spool.glob("*.spool*"))
        if flushed.status or left:
            raise AssertionError(f"{left} left in {spool}; the flush ended with {flushed.status}: {flushed.text}")

    def kill(self) -> None:
        running, self._running = self._running, []
        for writer in running:
            writer.kill()

    def returned(self) -> int:
        """How many calls have returned. Cheap, because it is asked again and again while the journals grow."""
        return sum(journal.read_bytes().count(RETURNED) for journal in self._journals)

    def attempts(self) -> Iterator[Attempt]:
        """Of all writers, the killed ones included."""
        for journal, way in self._journals.items():
            yield from read_journal(journal, synced=way is Way.SYNCED, replicated=way is Way.REPLICATED)


@dataclass(frozen=True, slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    journal: Path
    way: Way

    @property
    def writes(self) -> bool:
        """Whether it has begun: before, a signal would find it in its imports."""
        return self.journal.stat().st_size > 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)
