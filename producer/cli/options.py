"""The options that every command of `producer` has, and the producer that they name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from producer.location import URL_VARIABLE, locate

if TYPE_CHECKING:
    from producer.producer import Producer

__all__ = ["Namespace", "Url", "open_producer"]

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


def open_producer(url: str | None, namespace: str | None, *, timeout: float = 2.0) -> Producer:
    """A producer for what the options name; nothing is sent yet. Raises UnusableServer.

    A script has less patience than an engine: `timeout` is shorter than the library's.
    """
    from producer.producer import Producer
    from producer.wal import DEFAULT_NAMESPACE

    return Producer(locate(url, os.environ), namespace or DEFAULT_NAMESPACE, timeout=timeout)
