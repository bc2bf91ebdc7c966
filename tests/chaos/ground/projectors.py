"""The projectors of a run: processes of `projector run`, of which one is active."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import redis

from projector.keys import Keys
from tests.chaos.ground.waiting import until
from tests.support.servers import die_with_parent

__all__ = ["ProjectorProcess", "Projectors"]

_SEAL_SECONDS = 0.3
_RETAINED = 100
"""Entries that stay in the log, about as many as one step of a trim removes."""


class ProjectorProcess:
    """One `projector run`, as an operator starts it; `said` is its log."""

    def __init__(self, url: str, namespace: str, log: Path, *options: str) -> None:
        self._log = log
        # fmt: off
        arguments = [
            sys.executable, "-m", "projector", "run",
            "--url", url, "--namespace", namespace, *options,
        ]
        # fmt: on
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(arguments, stderr=stderr, preexec_fn=die_with_parent)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        return self._log.read_text()

    @property
    def status(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def archiver(self) -> int | None:
        """The pid of the archiver beside it; None where none is at work now."""
        children = Path(f"/proc/{self.pid}/task").glob("*/children")
        with suppress(OSError):
            for child in " ".join(path.read_text() for path in children).split():
                if _is_archiver(int(child)):
                    return int(child)
        return None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, how: signal.Signals) -> int:
        self._process.send_signal(how)
        if how is not signal.SIGKILL:
            self._process.send_signal(signal.SIGCONT)
        return self._process.wait(30)


def _is_archiver(pid: int) -> bool:
    try:
        return b"projector.archiving" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class Projectors:
    """Starts, stops and kills projectors, and knows which one has the lease. With an `archive` they archive there at
    short intervals, and trim what is archived but for a few entries."""

    def __init__(
        self,
        url: str,
        namespace: str,
        directory: Path,
        *,
        lease_seconds: float,
        client: Callable[[], redis.Redis],
        archive: Path | None = None,
    ) -> None:
        self.lease_seconds = lease_seconds
        self.running: list[ProjectorProcess] = []
        self._ended_before: list[ProjectorProcess] = []  # they were to be ended, and had done so themselves
        self._url = url
        self._keys = Keys(namespace)
        self._directory = directory
        self._client = client
        self._started = 0
        self._options = ("--lease-ttl", str(lease_seconds))
        sealing = ("--archive", str(archive), "--seal-after", str(_SEAL_SECONDS))
        self._archiving = (*sealing, "--retain-entries", str(_RETAINED)) if archive else ()
        directory.mkdir(parents=True)

    def start(self, count: int = 1, *, archives: bool = True) -> None:
        for _ in range(count):
            log = self._directory / f"{self._started}.log"
            self._started += 1
            self.running.append(
                ProjectorProcess(
                    self._url, self._keys.namespace, log, *self._options, *(self._archiving if archives else ())
                )
            )

    def active(self) -> ProjectorProcess | None:
        """The one that has the lease, if it is one of ours, and the server says so."""
        try:
            token: Any = self._client().get(self._keys.lease)
        except redis.RedisError:
            return None
        pid = int(token.split(b":")[-2]) if token else 0  # host:pid:random
        return next((process for process in self.running if process.pid == pid), None)

    def wait_for_active(self, *, other_than: ProjectorProcess | None = None) -> ProjectorProcess:
        """The active one, as soon as there is one."""
        found: list[ProjectorProcess] = []

        def is_active() -> bool:
            process = self.active()
            if process is None or process is other_than:
                return False
            found.append(process)
            return True

        until(is_active, lambda: f"an active projector; they say {self.last_words()}")
        return found[0]

    def end(self, process: ProjectorProcess, how: signal.Signals) -> None:
        """End it for good."""
        self.running.remove(process)
        if process.status is not None:
            self._ended_before.append(process)
            return
        status = process.end(how)
        has_begun = "active in" in process.said or "standing by" in process.said
        if how is signal.SIGTERM and status != (0 if has_begun else -signal.SIGTERM) and status != 0:
            raise AssertionError(f"a projector that was asked to stop ended with {status}: {process.said}")

    def end_any(self, random: Random, how: signal.Signals) -> None:
        self.end(random.choice(self.running), how)

    def stop(self) -> None:
        """All, in an orderly way."""
        for process in list(self.running):
            self.end(process, signal.SIGTERM)

    def end_archiving(self) -> None:
        """Have one projector in the place of all, which neither archives nor trims; the archivers have ended."""
        archivers = [pid for process in self.running if (pid := process.archiver())]
        self.kill()
        until(lambda: not any(map(_is_archiver, archivers)), lambda: "the end of the archivers")
        self.start(archives=False)

    def kill(self) -> None:
        for process in list(self.running):
            self.end(process, signal.SIGKILL)

    def stopped_by_themselves(self) -> list[ProjectorProcess]:
        """Those that ended though nobody ended them; they are no longer among the running."""
        stopped, self._ended_before = self._ended_before, []
        for process in [process for process in self.running if process.status is not None]:
            self.running.remove(process)
            stopped.append(process)
        return stopped

    def last_words(self) -> list[str]:
        return [process.said[-300:] for process in self.running]
