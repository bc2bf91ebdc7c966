"""Several workers on this host: processes that live and end with the one that started them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

import msgspec

from producer.connection.pause import Pause
from producer.text.wording import counted
from projector.fleet.making import Settings
from projector.metrics.commits import Activity, Report

REFUSED = os.EX_UNAVAILABLE
"""The status of a worker that could not begin, because the server refuses: an operator has to repair that."""
_SLICE_SECONDS = 0.2
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0

_log = logging.getLogger("projector")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The line that a worker's process reads first; at the end of its input it stops."""

    number: int
    settings: Settings
    observed: bool = False
    """Whether the process is to write what it does to its output, a line each second."""


class Worker:
    """The process of one worker, started again with a pause when it has died. It tells its `activity` if asked."""

    def __init__(self, order: Order, activity: Activity | None = None) -> None:
        self._order = order
        self._activity = activity
        self._due = 0.0
        self._pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=self._put_off)
        self._started_at = 0.0
        self._start()

    def look_after(self) -> bool:
        """Start the process again if it has died; False if it could not begin, which it has said why."""
        status, now = self._process.poll(), time.monotonic()
        if status is None:
            return True
        if self._started_at:
            if status == REFUSED and self._pause.seconds == _FIRST_PAUSE:
                return False
            if now - self._started_at > _LONGEST_PAUSE:
                self._pause.reset()
            self._started_at = 0.0
            self._pause.wait()
            _log.warning("worker %d ended with status %d: it is started again", self._order.number, status)
        if now >= self._due:
            try:
                self._start()
            except OSError as error:  # no memory, no process more
                _log.warning("worker %d cannot be started: %s", self._order.number, error.strerror)
                self._pause.wait()
        return True

    def stop(self) -> None:
        """Have the process commit what it has, and end."""
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.close()

    def wait(self) -> None:
        """Wait for its end."""
        self._process.wait()

    def _put_off(self, seconds: float) -> None:
        self._due = time.monotonic() + seconds

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "projector.fleet"],
            stdin=subprocess.PIPE,
            stdout=None if self._activity is None else subprocess.PIPE,
        )
        if self._activity is not None:
            self._activity.heard(self._process.pid, Report())  # it is silent from now on, until it tells more
            told = (self._process, self._activity)
            threading.Thread(target=_listen, args=told, name="activity", daemon=True).start()
        self._started_at = time.monotonic()
        assert self._process.stdin
        with suppress(BrokenPipeError):  # it has died already
            self._process.stdin.write(msgspec.json.encode(self._order) + b"\n")
            self._process.stdin.flush()


def _listen(process: subprocess.Popen[bytes], activity: Activity) -> None:
    assert process.stdout
    try:
        with process.stdout:
            for line in process.stdout:
                with suppress(msgspec.DecodeError):  # half a line is the last of a process that was killed
                    activity.heard(process.pid, msgspec.json.decode(line, type=Report))
    finally:
        activity.ended(process.pid)


class Processes:
    """`count` workers by `settings`, whose `activity` is counted if somebody wants to know it."""

    def __init__(self, settings: Settings, count: int, activity: Activity | None = None) -> None:
        observed = activity is not None
        self._orders = [Order(number=number, settings=settings, observed=observed) for number in range(1, count + 1)]
        self._activity = activity
        self._stopping = False
        self.could_begin = True
        """False: a worker could not begin, which ended all."""

    def run(self) -> None:
        """Keep the workers running until `stop`, or until one cannot begin, and wait for their end."""
        workers = [Worker(order, self._activity) for order in self._orders]
        try:
            while not self._stopping and self.could_begin:
                looked_after = [worker.look_after() for worker in workers]
                self.could_begin = all(looked_after)
                if self._activity is not None:
                    self._activity.beat()
                time.sleep(_SLICE_SECONDS)
        finally:
            for worker in workers:
                worker.stop()
            for worker in workers:
                worker.wait()
        _log.info("stopped; %s", counted(len(workers), "worker has ended", "workers have ended"))

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping = True
