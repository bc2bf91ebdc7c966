"""The course of the demonstration."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from producer.wal import DEFAULT_NAMESPACE
from projector.demo.engine import ROLES, lay_out
from projector.embedded import tethered
from projector.errors import ProjectorError
from projector.query import Query

_POLL_SECONDS = 0.1
_OUTAGE_SECONDS = 1.5
_CATCH_UP_SECONDS = 30.0
_SHOWN_LINES = 10
_PROJECTOR = ("-m", "projector", "run", "--lease-ttl", "2")
"""The lease is shorter than usual, because the second projector has to take over before the demonstration ends."""


class Demo:
    """Workers that record for `seconds` on the server at `url`, and a projector that crashes half-way.

    It tells its course to `console`; on a terminal, a last line that changes shows the progress. Use it with `with`,
    which ends its processes.
    """

    def __init__(self, directory: Path, *, url: str, query: Query, seconds: float, console: Console) -> None:
        self._directory = directory
        self._query = query
        self._seconds = seconds
        self._console = console
        self._began = time.monotonic()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **os.environ,
            "WAL_URL": url,
            "WAL_NAMESPACE": DEFAULT_NAMESPACE,
            # The default spool of a user holds operations of the user's, which must not come into this log.
            "XDG_STATE_HOME": str(directory.absolute()),
        }

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._processes):
            self._kill(name)

    def run(self) -> None:
        """Run the demonstration to its end; raises ProjectorError if one of its processes fails."""
        lay_out(self._directory)
        self._start("the projector", *_PROJECTOR)
        for role in ROLES:
            options = (role, str(self._directory), str(self._seconds))
            self._start(f"the {role} worker", "-m", "projector.demo.engine", *options)
        self._began = time.monotonic()
        self.say(f"For {self._seconds:g} s, {len(ROLES)} worker processes run real commands and tasks:")
        half = self._seconds / 2
        self._watch(lambda: self._elapsed > half)
        self._kill("the projector")
        self._event("the projector was killed with SIGKILL; the workers go on recording")
        over = half + min(_OUTAGE_SECONDS, self._seconds / 8)
        self._watch(lambda: self._elapsed > over)
        self._start("the projector", *_PROJECTOR)
        self._event("the projector was started again; it takes over once the dead one's lease has run out")
        self._watch(lambda: not self._processes.keys() - {"the projector"})
        self._event("the workers have ended; the projector catches up with what they recorded")
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        self._watch(lambda: self._query.status().lag == 0 or time.monotonic() > deadline)

    def say(self, text: str = "") -> None:
        """Write a line that stays."""
        self._console.print(text)

    def show(self, command: str) -> None:
        """Write a line for a shell, which is never folded."""
        self._console.print(f"    {command}", soft_wrap=True)

    # -- processes --

    def _start(self, name: str, *arguments: str) -> None:
        """Start a Python program, in a session of its own: the terminal's Ctrl-C reaches this process alone."""
        with self._log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                tethered([sys.executable, *arguments]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._environment,
            )

    def _kill(self, name: str) -> None:
        """Kill the process and the commands that it runs, as a crash would."""
        process = self._processes.pop(name, None)
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _forget_ended(self) -> None:
        for name, process in list(self._processes.items()):
            status = process.poll()
            if status is not None:
                del self._processes[name]
            if status:
                lines = self._log(name).read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
                shown = "".join(f"\n    {line}" for line in lines) or " none"
                raise ProjectorError(f"{name} ended with exit status {status}; its last lines:{shown}")

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    # -- what is shown --

    def _watch(self, until: Callable[[], bool]) -> None:
        """Show the progress until `until()`; raise ProjectorError if a process fails meanwhile."""
        with self._console.status("") as progress:
            while not until():
                self._forget_ended()
                progress.update(f"{self._elapsed:5.1f} s  {self._figures()}")
                time.sleep(_POLL_SECONDS)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _event(self, text: str) -> None:
        line = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        line.add_row(f"{self._elapsed:5.1f} s", text)
        self._console.print(line)

    def _figures(self) -> str:
        status = self._query.status()
        waiting = "?" if status.lag is None else status.lag
        return f"{status.entries} projected · {waiting} waiting · {status.in_flight} running"
