"""Workers of several namespaces in a test: `projector run` as operators start it, and who has which lease."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.support.commands import environment
from tests.support.projection import Log
from tests.support.servers import die_with_parent, eventually

LEASE_SECONDS = 2.0


class Worker:
    """`projector run` with `arguments`, which log to a file."""

    def __init__(self, url: str, directory: Path, *arguments: str, lease_ttl: float = LEASE_SECONDS) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "worker.log"
        command = [sys.executable, "-m", "projector", "run", "--url", url, "--lease-ttl", str(lease_ttl)]
        with self.path.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*command, *arguments], stderr=stderr, env=environment(), preexec_fn=die_with_parent
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        return self.path.read_text()

    def wait_for(self, text: str, *, seconds: float = 60) -> None:
        eventually(lambda: text in self.said(), seconds=seconds, what=f"{text!r} in the log; it says: {self.said()}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)

    def children(self) -> list[int]:
        tasks = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]


class Crew:
    """Workers that are started in a test, and end with it, at the latest."""

    def __init__(self, url: str, directory: Path) -> None:
        self._url = url
        self._directory = directory
        self._workers: list[Worker] = []

    def start(self, *arguments: str, lease_ttl: float = LEASE_SECONDS) -> Worker:
        directory = self._directory / str(len(self._workers))
        worker = Worker(self._url, directory, *arguments, lease_ttl=lease_ttl)
        self._workers.append(worker)
        return worker

    def kill(self) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.wait()


@contextmanager
def crew(url: str, directory: Path) -> Iterator[Crew]:
    started = Crew(url, directory)
    try:
        yield started
    finally:
        started.kill()


def holder_of(log: Log) -> int:
    """The process that has the lease; 0 for none."""
    token = log.client.get(log.key("lease"))
    return int(token.decode().split(":")[1]) if isinstance(token, bytes) else 0


def held(logs: list[Log]) -> Counter[int]:
    """How many leases each process has."""
    return Counter(map(holder_of, logs))


def wait_for_shares(logs: list[Log], *expected: int, seconds: float = 60) -> None:
    """Until so many processes have so many leases, whichever has which."""

    def shared() -> bool:
        found = held(logs)
        return 0 not in found and sorted(found.values()) == sorted(expected)

    eventually(shared, seconds=seconds, what=f"shares of {expected}, found {held(logs)}")


def logs_of(client: redis.Redis, url: str, prefix: str, count: int) -> list[Log]:
    """So many namespaces `<prefix>-0` …, each with a log."""
    logs = [Log(client, url, f"{prefix}-{number}") for number in range(count)]
    for log in logs:
        log.add_completions(1)
    return logs
