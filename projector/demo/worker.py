"""One worker process of the demonstration's engine: runs the jobs of its role until its time is over.

python -m projector.demo.worker <role> <directory> <url> <namespace> <seconds>
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from contextlib import closing
from pathlib import Path
from types import FrameType

from projector.demo.actions import BATCH, CRON, OPERATOR, WATCHER, Job, Shift
from projector.demo.book import Book, BookedProducer
from projector.demo.scanners import SCANNER
from projector.demo.scratch import Scratch

__all__ = ["ROLES", "work"]

ROLES: dict[str, tuple[Job, ...]] = {
    "cron": CRON,
    "watcher": WATCHER,
    "operator": OPERATOR,
    "batch": BATCH,
    "scanner": SCANNER,
}

_PAUSES = (0.05, 0.3)


def work(shift: Shift, jobs: tuple[Job, ...], seconds: float) -> None:
    """Run the jobs in turn; one that has begun is brought to its end."""
    deadline = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < deadline:
        try:
            jobs[turn % len(jobs)](shift)
        except OSError:
            pass  # recorded as the failure it is: no reason for an engine to stop
        turn += 1
        time.sleep(shift.chance.uniform(*_PAUSES))


def _end_in_order_when_told(engine: int) -> None:
    def end(signum: int, _frame: FrameType | None) -> None:
        if os.getppid() != engine:
            os._exit(128 + signum)  # the engine was killed, and the server with it: no end can be recorded any more
        sys.exit(128 + signum)  # an exception: commands that run are ended, and their ends recorded

    signal.signal(signal.SIGTERM, end)


def main() -> None:
    role, directory, url, namespace, seconds = sys.argv[1:]
    _end_in_order_when_told(os.getppid())
    book = Book(Path(directory, "books", f"{role}-{os.getpid()}"))
    with closing(BookedProducer(url, namespace, book=book)) as producer:
        shift = Shift(
            producer=producer, book=book, scratch=Scratch(Path(directory, "scratch")), url=url, chance=random.Random()
        )
        work(shift, ROLES[role], float(seconds))


if __name__ == "__main__":
    main()
