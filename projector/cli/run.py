"""`projector run`: the worker as a process."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType

from producer.connection.client import safe_url
from producer.connection.location import locate
from producer.wal import DEFAULT_NAMESPACE
from projector.bounds import Bounds
from projector.cli.options import LeaseTtl, Namespace, Url, bounded
from projector.worker.projector import DEFAULT_LEASE_SECONDS, Projector

__all__ = ["log_to_stderr", "project", "run"]


@bounded
def run(
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    lease_ttl: LeaseTtl = DEFAULT_LEASE_SECONDS,
    *,
    bounds: Bounds,
) -> None:
    """Project the log until stopped (Ctrl-C, SIGTERM). A second projector stands by and takes over."""
    log_to_stderr()
    located = locate(url, os.environ)
    projector = Projector(located, namespace, bounds=bounds, lease_ttl=lease_ttl)
    logging.getLogger("projector").info("projecting namespace %s at %s", namespace, safe_url(located))
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
    """One line an event, with its time."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
