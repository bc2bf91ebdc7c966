"""One worker process of the demonstration: runs the jobs of its role until its time is over.

python -m projector.demo.worker <role> <directory> <url> <namespace> <seconds>
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from contextlib import closing, suppress
from itertools import cycle
from pathlib import Path
from types import FrameType

from projector.demo.actions import BATCH, CRON, OPERATOR, WATCHER
from projector.demo.book import BookedProducer
from projector.demo.scanners import SCANNER
from projector.demo.shift import Shift

ROLES = {"cron": CRON, "watcher": WATCHER, "operator": OPERATOR, "batch": BATCH, "scanner": SCANNER}


def main() -> None:
    role, directory, url, namespace, seconds = sys.argv[1:]
    _end_in_order_when_told(os.getppid())
    deadline = time.monotonic() + float(seconds)
    with closing(BookedProducer(url, namespace, book=Path(directory, "books", role))) as producer:
        shift = Shift(producer=producer, directory=Path(directory), url=url)
        for job in cycle(ROLES[role]):
            with suppress(OSError):  # the producer has recorded the failure; the engine goes on
                job(shift)
            time.sleep(random.uniform(0.05, 0.3))
            if time.monotonic() > deadline:
                break


def _end_in_order_when_told(parent: int) -> None:
    def end(signum: int, _frame: FrameType | None) -> None:
        if os.getppid() != parent:
            os._exit(128 + signum)  # the demonstration was killed, and its server too: nothing can be recorded
        sys.exit(128 + signum)  # an exception, so that the end of a running action is recorded

    signal.signal(signal.SIGTERM, end)


if __name__ == "__main__":
    main()
