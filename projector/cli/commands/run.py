"""`projector run`: the worker as a process, or as several."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from producer.terminal.exit_status import UNREACHABLE
from projector.bounds import DEFAULT_LEASE_SECONDS
from projector.cli.addresses import Logs
from projector.cli.options import (
    SEAL_SECONDS,
    ArchiveOption,
    BoundOptions,
    LeaseTtl,
    RetentionOptions,
    SealAfter,
    SignKey,
)
from projector.fleet.log import log_to_stderr

if TYPE_CHECKING:
    from projector.fleet.making import Settings
    from projector.metrics.commits import Activity

_log = logging.getLogger("projector")


def run(
    lease_ttl: LeaseTtl = DEFAULT_LEASE_SECONDS,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=1000, envvar="WAL_WORKERS", help="Processes that share the namespaces out."
        ),
    ] = None,
    archive: ArchiveOption = None,
    sign_key: SignKey = None,
    seal_after: SealAfter = SEAL_SECONDS,
    otlp: Annotated[
        str | None,
        typer.Option(
            metavar="URL", envvar="WAL_OTLP", help="Where ended runs go as spans, such as http://localhost:4318."
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            envvar="WAL_METRICS",
            help="Where /metrics, /livez and /readyz are served, to anybody who reaches it; such as 127.0.0.1:9464.",
        ),
    ] = None,
    metrics_actions: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=10_000,
            envvar="WAL_METRICS_ACTIONS",
            help="Actions, and scanners, of a namespace that have metrics of their own; the rest is other.",
        ),
    ] = 200,
    *,
    log: Logs,
    bounds: BoundOptions,
    retention: RetentionOptions,
) -> None:
    """Project the log until stopped (Ctrl-C, SIGTERM).

    A second projector stands by and takes over. With --archive the active one archives the log, and with --retain or
    --retain-entries it trims what is archived. Of several namespaces each has a projector of its own; processes that
    serve the same, here or on other hosts, share them out.

    Example: projector run --namespace 'team-*' --workers 2
    """
    from producer.connection.url import safe_url
    from projector.fleet.making import Settings, lone_maker, say_growing

    if retention.trims and not (archive or retention.without_archive):
        raise typer.BadParameter("expected --archive or --no-archive beside --retain and --retain-entries")
    if sign_key and (not archive or retention.without_archive):
        raise typer.BadParameter("expected --archive beside --sign-key, which signs what is archived")
    location = log.location
    settings = Settings(
        url=location.url,
        namespaces=tuple(log.namespace),
        bounds=bounds,
        lease_ttl=lease_ttl,
        retention=retention,
        archive=archive,
        sign_key=str(sign_key) if sign_key else None,
        seal_after=seal_after,
        otlp=otlp,
    )
    settings.check()
    one = settings.only if workers is None else None
    log_to_stderr(of_threads=one is None)
    threading.current_thread().name = "workers" if workers else "worker"
    name = f"namespace {one}" if one else f"namespaces {settings.wanted}"
    _log.info("projecting %s at %s (%s)", name, safe_url(location.url), location.why)
    say_growing(retention)
    with _observed(settings, metrics, metrics_actions) as activity:
        if one is None:
            _share(settings, workers, activity)
            return
        from projector.fleet.lone import Lone

        lone = Lone(settings.url, one, lone_maker(settings, activity))
        project(lone)
        if lone.was_stopped or not lone.has_partitions:
            return
        log_to_stderr(of_threads=True)
        _log.info("namespace %s has partitions: each gets a projector of its own", one)
        _share(settings, workers, activity, unless=lambda: lone.was_stopped)


@contextmanager
def _observed(settings: Settings, address: str | None, actions: int) -> Iterator[Activity | None]:
    """What is counted of the work in the block, whose metrics are served at `address`; None without one."""
    if not address:
        yield None
        return
    from projector.metrics.address import Address
    from projector.metrics.commits import Activity
    from projector.metrics.pages import serving

    try:
        listen = Address.of(address)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--metrics") from None
    activity = Activity()
    with serving(listen, activity, url=settings.url, namespaces=settings.namespaces, actions=actions) as server:
        _log.info("metrics at %s/metrics", server.url)
        yield activity


def _share(
    settings: Settings,
    workers: int | None,
    activity: Activity | None,
    *,
    unless: Callable[[], bool] = lambda: False,
) -> None:
    """Serve several namespaces, in this process or in so many `workers`."""
    from projector.fleet.fleet import fleet_of
    from projector.fleet.processes import Processes

    if workers is None:
        project(fleet_of(settings, activity), unless=unless)
        return
    processes = Processes(settings, workers, activity)
    project(processes)
    if not processes.could_begin:
        raise typer.Exit(UNREACHABLE)


class Work(Protocol):
    """What runs until it is stopped."""

    def run(self) -> None: ...

    def stop(self) -> None: ...


def project(work: Work, *, unless: Callable[[], bool] = lambda: False) -> None:
    """Run `work` until SIGINT or SIGTERM, `unless` such a signal has come before; a second signal ends the process at
    once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        work.stop()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    if not unless():
        work.run()
