"""`projector run`: the worker as a process."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from producer.terminal.options import Log
from projector.bounds import DEFAULT_LEASE_SECONDS
from projector.cli.options import BoundOptions, LeaseTtl

if TYPE_CHECKING:
    from projector.worker.projector import Projector


def run(lease_ttl: LeaseTtl = DEFAULT_LEASE_SECONDS, *, log: Log, bounds: BoundOptions) -> None:
    """Project the log until stopped (Ctrl-C, SIGTERM). A second projector stands by and takes over."""
    from producer.connection.client import safe_url
    from projector.worker.projector import Projector

    log_to_stderr()
    url = log.location.url
    projector = Projector(url, log.namespace, bounds=bounds, lease_ttl=lease_ttl)
    logging.getLogger("projector").info("projecting namespace %s at %s", log.namespace, safe_url(url))
    project(projector)


def project(projector: Projector) -> None:
    """Run `projector` until SIGINT or SIGTERM; a second signal ends the process at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        projector.stop()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    projector.run()


def log_to_stderr() -> None:
    """Log each event in a line on stderr, with its time."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
