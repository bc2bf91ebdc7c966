"""Options that several commands share, and the producer that options name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.connection.location import spool_directory
from producer.errors import SpoolUnusable
from producer.partitions.naming import MOST_PARTITIONS, partition_number, partition_of
from producer.terminal.options import LogAddress
from producer.text.truncation import text_of

if TYPE_CHECKING:
    from producer.producer import Producer

Spool = Annotated[
    Path | None,
    typer.Option(
        envvar="WAL_SPOOL",
        metavar="DIR",
        help="Where operations wait while Redis is away.",
        show_default="execution-wal/spool in the state directory",
    ),
]
Partitions = Annotated[
    int | None,
    typer.Option(
        envvar="WAL_PARTITIONS",
        metavar="N",
        min=1,
        max=MOST_PARTITIONS,
        help="How many partitions the namespace has.",
        show_default="none",
    ),
]
Source = Annotated[str, typer.Option(metavar="WHO", help="What triggered it: cron:nightly, watcher:disk.")]
ExecutionType = Annotated[
    str, typer.Option("--type", metavar="WORD", help="command, task, rules, none, or any word.")
]
AllowOddTimes = Annotated[
    bool,
    typer.Option("--allow-odd-times", help="Take times before the year 2000, or more than a day ahead of the clock."),
]


def place_of(spool: Path | None) -> Path:
    """The directory `spool`, or if it was not named the usual one. Raises SpoolUnusable."""
    try:
        return spool or spool_directory(os.environ)
    except OSError as error:
        raise SpoolUnusable(f"there is no directory for a spool: {error.filename}: {error.strerror}") from error


def namespace_of(log: LogAddress, partitions: int | None, name: str) -> str:
    """The namespace that has the action or the scanner `name`: a partition, if there are `partitions`."""
    if partitions is None:
        return log.namespace
    return partition_of(log.namespace, partition_number(text_of(name), partitions))


def open_producer(log: LogAddress, *, timeout: float, spool: Path | None = None, **options: Any) -> Producer:
    """A producer for `log`, with `options` of Producer.

    Raises UnusableServer, and SpoolUnusable for the directory `spool`.
    """
    from producer.connection.destination import Destination
    from producer.producer import Producer
    from producer.spool.options import Spool as SpoolOptions

    location = log.location
    return Producer(
        location.url,
        log.namespace,
        timeout=timeout,
        spool=None if spool is None else SpoolOptions(spool, destination=Destination.at(location)),
        **options,
    )
