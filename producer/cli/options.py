"""The options for a spool, and the producer that options name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.connection.location import spool_directory
from producer.terminal.options import LogAddress

if TYPE_CHECKING:
    from producer.producer import Producer


def spool_option(text: str) -> typer.models.OptionInfo:
    """`--spool`, explained by `text`."""
    option: typer.models.OptionInfo = typer.Option("--spool", envvar="WAL_SPOOL", metavar="DIR", help=text)
    return option


Spool = Annotated[
    Path | None,
    spool_option(
        "Where operations wait while Redis is away. [default: execution-wal/spool in the state directory]",
    ),
]
Source = Annotated[str, typer.Option(metavar="WHO", help="What triggered it: cron:nightly, watcher:disk, …")]
ExecutionType = Annotated[
    str, typer.Option("--type", metavar="WORD", help="command, task, rules, none, or any word.")
]


def spools(named: Path | None) -> tuple[Path, bool]:
    """(the directory of spools, whether it exists). A directory that is `named` has to; the usual one need not.

    Raises typer.BadParameter for a place that is no directory.
    """
    place = named or spool_directory(os.environ)
    if place.is_dir():
        return place, True
    if named is None and not os.path.lexists(place):
        return place, False
    found = "something else" if os.path.lexists(place) else "nothing"
    raise typer.BadParameter(f"expected a directory of spools at {place}, found {found}", param_hint="--spool")


def open_producer(
    log: LogAddress, *, timeout: float = 2.0, spool: Path | None = None, buffer: int | None = None
) -> Producer:
    """A producer for `log`. Raises UnusableServer, and SpoolUnusable for the directory `spool`.

    A script has less patience than an engine: `timeout` (seconds) is shorter than the library's.
    """
    from producer.connection.destination import Destination
    from producer.producer import Producer
    from producer.spool import options

    location = log.location
    return Producer(
        location.url,
        log.namespace,
        timeout=timeout,
        spool=None if spool is None else options.Spool(spool, destination=Destination.at(location)),
        buffer=buffer,
    )
