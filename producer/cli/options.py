"""The options that every command of `producer` has, and the producer that they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.connection.location import URL_VARIABLE, find_server, spool_directory

if TYPE_CHECKING:
    from producer.producer import Producer

__all__ = ["Namespace", "Spool", "Url", "open_producer", "spools"]

SPOOL_VARIABLE = "WAL_SPOOL"

Url = Annotated[
    str | None,
    typer.Option(
        envvar=URL_VARIABLE,
        metavar="URL",
        help="redis://, rediss://, unix:// or sentinel://. "
        "[default: the embedded server if one is running, else localhost]",
    ),
]
Namespace = Annotated[
    str | None, typer.Option(envvar="WAL_NAMESPACE", metavar="NAME", help="The log's namespace. [default: otters]")
]


Spool = Annotated[
    Path | None,
    typer.Option(
        "--spool",
        envvar=SPOOL_VARIABLE,
        metavar="DIR",
        help="Where operations wait while Redis is away. [default: execution-wal/spool in the state directory]",
    ),
]


def spools(named: Path | None) -> tuple[Path, bool]:
    """(where operations wait, whether it is there). The usual directory need not be; one that is `named` has to."""
    place = named or spool_directory(os.environ)
    if place.is_dir():
        return place, True
    if named is None and not os.path.lexists(place):
        return place, False
    found = "something else" if os.path.lexists(place) else "nothing"
    raise typer.BadParameter(f"expected a directory of spools at {place}, found {found}", param_hint="--spool")


def open_producer(
    url: str | None,
    namespace: str | None,
    *,
    timeout: float = 2.0,
    spool: Path | None = None,
    buffer: int | None = None,
) -> Producer:
    """A producer for what the options name. Raises UnusableServer, and SpoolUnusable for the directory `spool`.

    A script has less patience than an engine: `timeout` is shorter than the library's.
    """
    from producer.connection.destination import Destination
    from producer.producer import Producer
    from producer.spool import options
    from producer.wal import DEFAULT_NAMESPACE

    location = find_server(url, os.environ)
    return Producer(
        location.url,
        namespace or DEFAULT_NAMESPACE,
        timeout=timeout,
        spool=None if spool is None else options.Spool(spool, destination=Destination.at(location)),
        buffer=buffer,
    )
