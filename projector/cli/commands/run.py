"""`projector run`: the worker as a process."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from producer.terminal.options import Log
from projector.bounds import DEFAULT_LEASE_SECONDS
from projector.cli.options import (
    SEAL_SECONDS,
    ArchiveOption,
    BoundOptions,
    LeaseTtl,
    RetentionOptions,
    SealAfter,
    SignKey,
)
from projector.errors import ProjectorError

if TYPE_CHECKING:
    from producer.connection.client import Client
    from projector.archiving.companion import Companion
    from projector.retention import Retention
    from projector.worker.projector import Projector

_log = logging.getLogger("projector")


def run(
    lease_ttl: LeaseTtl = DEFAULT_LEASE_SECONDS,
    archive: ArchiveOption = None,
    sign_key: SignKey = None,
    seal_after: SealAfter = SEAL_SECONDS,
    *,
    log: Log,
    bounds: BoundOptions,
    retention: RetentionOptions,
) -> None:
    """Project the log until stopped (Ctrl-C, SIGTERM).

    A second projector stands by and takes over. With --archive the active one archives the log, and with --retain or
    --retain-entries it trims what is archived.

    Example: projector run --lease-ttl 10
    """
    from producer.connection.url import safe_url
    from projector.worker.projector import Projector

    if retention.trims and not (archive or retention.without_archive):
        raise typer.BadParameter("expected --archive or --no-archive beside --retain and --retain-entries")
    location, where = log.location, None if retention.without_archive else archive
    if sign_key and not where:
        raise typer.BadParameter("expected --archive beside --sign-key, which signs what is archived")
    log_to_stderr()
    companion = companion_of(location.url, log.namespace, where, sign_key, seal_after)
    projector = Projector(
        location.url,
        log.namespace,
        bounds=bounds,
        lease_ttl=lease_ttl,
        retention=retention,
        archived_to=companion.archived_to if companion else lambda: "",
        beside=companion,
        on_connect=warn_of(log.namespace),
    )
    _log.info("projecting namespace %s at %s (%s)", log.namespace, safe_url(location.url), location.why)
    say_growing(retention)
    project(projector)


def companion_of(
    url: str, namespace: str, archive: str | None, sign_key: Path | None, seal_after: float
) -> Companion | None:
    """The archiver beside a projector, if there is a place to archive to.

    Raises InvalidSettings for a bad key, and as `place_of` does for a place that there cannot be.
    """
    from projector.archive.place import place_of
    from projector.archiving.companion import Companion, Order

    if not archive:
        return None
    place_of(archive, namespace)
    if sign_key:
        from projector.archive.signature import Signer

        Signer(sign_key)  # refuses a bad key at the start
    key = str(sign_key) if sign_key else None
    return Companion(Order(url=url, namespace=namespace, where=archive, sign_key=key, seal_after=seal_after))


def project(projector: Projector) -> None:
    """Run `projector` until SIGINT or SIGTERM; a second signal ends the process at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        projector.stop()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    projector.run()


def say_growing(retention: Retention) -> None:
    """Log that the log grows, where nothing trims it."""
    if not retention.trims:
        cure = "--retain 7d --archive WHERE keeps it short"
        _log.info("nothing trims the log: it grows until the server's memory is full; %s", cure)


def warn_of(namespace: str) -> Callable[[Client], None]:
    """For a projector's `on_connect`: log what breaks its promise, a line each."""

    def warn(client: Client) -> None:
        from projector.doctor import broken_promises

        with suppress(ProjectorError):  # the projector meets the same trouble, and says so
            for finding in broken_promises(client, namespace):
                _log.warning("%s: %s: %s; %s", finding.check, finding.found, finding.why, finding.mend)

    return warn


def log_to_stderr() -> None:
    """Log each event in a line on stderr, with its time."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S %Z",
        force=True,
    )
