"""A writer: a process that records through the public Producer and keeps a journal of which calls returned.

python -m tests.chaos.writers.writer URL NAMESPACE WAY JOURNAL NAME SEED PACE
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from threading import Event

from producer import Producer, Receipt, Unacknowledged
from tests.chaos.history.deed import Deed
from tests.chaos.writers.journal import Journal
from tests.chaos.writers.way import Way

TIMEOUT = 0.4
"""Seconds that one call waits for its acknowledgement; short, so that trouble reaches the writer's own retry."""
THREADS = 2
ACTIONS = [f"action-{number}" for number in range(7)]
SCANNERS = [f"scanner-{number}" for number in range(3)]
_FAREWELL_SECONDS = 60.0


class Writer:
    """One thread's work: executions and cleanups at random, until told to stop.

    What was not acknowledged it sends again under the same number, a few times or for good; it may also give up, as
    an engine would: then nobody knows whether the operation is in the log. With a spool each call returns at once.
    """

    def __init__(
        self, producer: Producer, journal: Journal, name: str, random: Random, pace: float, *, promises: bool
    ) -> None:
        self._producer = producer
        self._journal = journal
        self._name = name
        self._random = random
        self._pace = pace
        self._promises = promises  # whether a call that returned does
        self._number = 0

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            if self._random.random() < 0.8:
                self._execute()
            else:
                self._clean_up(patience=self._patience())
            time.sleep(self._random.uniform(0, 2 * self._pace))
        # The last word: a producer that speaks again shows what of its own was lost.
        self._clean_up(patience=_FAREWELL_SECONDS)

    def _execute(self) -> None:
        run, action_id = self._next(), self._random.choice(ACTIONS)
        started = Deed("started", f"{run}/started", action_id, True, 0)
        self._record(
            started,
            lambda: self._producer.action_execution_started(action_id, "scanner:chaos", "task", execution_id=run),
            self._patience(),
        )
        success, duration = self._random.random() < 0.8, self._random.randrange(100_000)
        completed = Deed("completed", f"{run}/completed", action_id, success, duration)
        self._record(
            completed,
            lambda: self._producer.action_execution_completed(
                action_id,
                success,
                output="x" * self._random.randrange(200),
                error=None if success else f"{run} failed",
                duration_ms=duration,
                execution_id=run,
            ),
            self._patience(),
        )

    def _clean_up(self, *, patience: float) -> None:
        deed = Deed("cleanup", self._next(), self._random.choice(SCANNERS), self._random.random() < 0.9, 0)
        self._record(
            deed,
            lambda: self._producer.cleanup_executed(deed.subject, deed.mark, "release", deed.success),
            patience,
        )

    def _record(self, deed: Deed, send: Callable[[], Receipt], patience: float) -> None:
        self._journal.attempted(deed)
        give_up = time.monotonic() + patience
        while True:
            try:
                receipt = send()
            except Unacknowledged as error:
                self._journal.unanswered(deed, error.receipt)
                if time.monotonic() > give_up:
                    return
                send = partial(self._producer.resend, error)
            else:
                (self._journal.returned if self._promises else self._journal.unanswered)(deed, receipt)
                return

    def _patience(self) -> float:
        return self._random.choice([0.0, 2.0, 30.0])

    def _next(self) -> str:
        self._number += 1
        return f"{self._name}-{self._number}"


def main(url: str, namespace: str, way: str, path: str, name: str, seed: str, pace: str) -> None:
    logging.getLogger("producer").setLevel(logging.ERROR)  # that a server is away is no news here
    stop, journal_path = Event(), Path(path)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with (
        Producer(url, namespace, timeout=TIMEOUT, **Way(way).options(journal_path.parent)) as producer,
        Journal(journal_path) as journal,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        writers = [
            Writer(
                producer,
                journal,
                f"{name}.{number}",
                Random(f"{seed}.{number}"),
                float(pace),
                promises=Way(way) is not Way.BUFFERED,
            )
            for number in range(THREADS)
        ]
        running = [threads.submit(writer.run, stop) for writer in writers]
        stop.wait()
        for ended in running:
            ended.result()
        if Way(way) is Way.BUFFERED:
            if not producer.flush(_FAREWELL_SECONDS):
                raise AssertionError("the buffer was not empty in time")
            journal.flushed()


if __name__ == "__main__":
    main(*sys.argv[1:])
