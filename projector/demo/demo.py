"""The course of the demonstration."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from producer.wal import DEFAULT_NAMESPACE
from projector.demo.audit import Audit
from projector.demo.book import Tally
from projector.demo.narrator import Narrator
from projector.demo.process import Process
from projector.demo.shift import lay_out
from projector.demo.worker import ROLES
from projector.errors import ProjectorError
from projector.query import Query

_POLL_SECONDS = 0.1
_OUTAGE_SECONDS = 1.5
_CATCH_UP_SECONDS = 30.0
_LEASE_SECONDS = "2"
"""Shorter than the default, because the second projector has to take over before the demonstration ends."""


class Demo:
    """Workers that record for `seconds` on the server at `url`, and a projector that crashes half-way.

    Use it with `with`, which ends its processes.
    """

    def __init__(self, directory: Path, *, url: str, query: Query, seconds: float, narrator: Narrator) -> None:
        self._directory = directory
        self._url = url
        self._query = query
        self._seconds = seconds
        self._narrator = narrator
        self._processes = ExitStack()
        self._projector: Process | None = None
        self._workers: list[Process] = []

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def run(self) -> Audit:
        """Run the demonstration to its end and audit it; raises ProjectorError if one of its processes fails."""
        lay_out(self._directory)
        self._projector = self._start_projector()
        for role in ROLES:
            options = (role, str(self._directory), self._url, DEFAULT_NAMESPACE, str(self._seconds))
            self._workers.append(self._start(f"the {role} worker", "-m", "projector.demo.worker", *options))
        self._narrator.began = time.monotonic()
        self._narrator.say(f"For {self._seconds:g} s, {len(ROLES)} worker processes run real commands and tasks:")
        self._crash_projector()
        self._watch(lambda: not any(worker.is_running() for worker in self._workers))
        self._narrator.event("the workers have ended; the projector catches up with what they recorded")
        self._catch_up()
        return Audit(recorded=self._tally(), totals=self._query.totals(), status=self._query.status())

    def _start(self, name: str, *arguments: str) -> Process:
        process = Process(name, *arguments, log=self._directory / f"{name}.log")
        self._processes.callback(process.stop)
        return process

    def _start_projector(self) -> Process:
        program = "from projector.cli import main; main()"
        options = ("--url", self._url, "--namespace", DEFAULT_NAMESPACE, "--lease-ttl", _LEASE_SECONDS)
        return self._start("the projector", "-c", program, "run", *options)

    def _crash_projector(self) -> None:
        assert self._projector is not None
        half = self._seconds / 2
        self._watch(lambda: self._narrator.elapsed > half)
        self._projector.kill()
        self._projector = None
        self._narrator.event("the projector was killed with SIGKILL; the workers go on recording")
        over = half + min(_OUTAGE_SECONDS, self._seconds / 8)
        self._watch(lambda: self._narrator.elapsed > over)
        self._projector = self._start_projector()
        self._narrator.event("the projector was started again; it takes over once the dead one's lease has run out")

    def _catch_up(self) -> None:
        recorded = self._tally().operations
        deadline = time.monotonic() + _CATCH_UP_SECONDS

        def done() -> bool:
            status = self._query.status()
            return (status.lag == 0 and status.entries >= recorded) or time.monotonic() > deadline

        self._watch(done)

    def _watch(self, until: Callable[[], bool]) -> None:
        """Show the progress until `until()`; raise ProjectorError if a process fails meanwhile."""
        while not until():
            for process in filter(None, (self._projector, *self._workers)):
                process.is_running()
            self._narrator.progress(self._figures())
            time.sleep(_POLL_SECONDS)

    def _tally(self) -> Tally:
        return Tally.of(self._directory / "books")

    def _figures(self) -> str:
        try:
            status = self._query.status()
        except ProjectorError as error:
            return str(error)
        waiting = "?" if status.lag is None else status.lag
        tally = self._tally()
        return (
            f"{status.entries} operations projected · {waiting} waiting · {status.in_flight} running"
            f" · {tally.failures + tally.cleanup_failures} failed"
        )
