"""The course of the demonstration."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from producer.wal import DEFAULT_NAMESPACE
from projector.demo.audit import Audit
from projector.demo.engine import Engine
from projector.demo.narrator import Narrator
from projector.demo.process import Process, ProcessFailed
from projector.errors import ProjectorError
from projector.query import Query

__all__ = ["Demo"]

_POLL_SECONDS = 0.1
_LONGEST_OUTAGE_SECONDS = 1.5
_CATCH_UP_SECONDS = 30.0
_LEASE_SECONDS = "2"
"""Shorter than the default: the one that is started again is to take over before the demonstration is over."""

_PROJECTOR = "from projector.cli import main; main()"


class Demo:
    """An engine at work on the server at `url`; half-way, its projector is killed and started again.

    Use it with `with`: none of its processes is left.
    """

    def __init__(self, directory: Path, *, url: str, query: Query, seconds: float, narrator: Narrator) -> None:
        self._query = query
        self._seconds = seconds
        self._narrator = narrator
        self._projector = Process(
            "the projector",
            # A process of its own, as in production, so that it can be killed.
            ["-c", _PROJECTOR, "run", "--url", url, "--namespace", DEFAULT_NAMESPACE, "--lease-ttl", _LEASE_SECONDS],
            log=directory / "projector.log",
        )
        self._engine = Engine(directory / "engine", url=url, namespace=DEFAULT_NAMESPACE, seconds=seconds)

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes that it has started."""
        with ExitStack() as ending:  # the second, whatever happens to the first
            ending.callback(self._projector.stop)
            ending.callback(self._engine.stop)

    def run(self) -> Audit:
        """Run it to its end, and set the workers' books beside the projection."""
        self._projector.start()
        self._engine.start()
        self._narrator.begin()
        self._narrator.say(
            f"For {self._seconds:g} s, {len(self._engine.workers)} worker processes run real commands and tasks:"
        )
        self._crash_the_projector()
        self._watch(until=lambda: not self._engine.working)
        self._narrator.event("the workers have ended; the projector catches up with what they recorded")
        self._catch_up()
        return Audit(recorded=self._engine.tally(), totals=self._query.totals(), status=self._query.status())

    def _crash_the_projector(self) -> None:
        half = self._seconds / 2
        self._watch(until=lambda: self._narrator.elapsed > half)
        self._projector.kill()
        self._narrator.event("the projector was killed with SIGKILL; the workers go on recording")
        over = half + min(_LONGEST_OUTAGE_SECONDS, self._seconds / 8)
        self._watch(until=lambda: self._narrator.elapsed > over)
        self._projector.start()
        self._narrator.event("the projector was started again; it takes over once the dead one's lease has run out")

    def _catch_up(self) -> None:
        recorded = self._engine.tally().operations
        deadline = time.monotonic() + _CATCH_UP_SECONDS

        def done() -> bool:
            status = self._query.status()
            return (status.lag == 0 and status.entries >= recorded) or time.monotonic() > deadline

        self._watch(until=done)

    def _watch(self, *, until: Callable[[], bool]) -> None:
        """Show the progress until a condition holds; ProcessFailed when a process ends that should not."""
        while not until():
            for process in (self._projector, *self._engine.workers):
                if process.failed:
                    raise ProcessFailed(process.last_words())
            self._narrator.progress(self._figures())
            time.sleep(_POLL_SECONDS)

    def _figures(self) -> str:
        try:
            status = self._query.status()
        except ProjectorError as error:
            return str(error)
        waiting = "?" if status.lag is None else status.lag
        tally = self._engine.tally()
        return (
            f"{status.entries} operations projected · {waiting} waiting · {status.in_flight} running"
            f" · {tally.failures + tally.cleanup_failures} failed"
        )
