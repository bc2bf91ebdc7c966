"""The options that commands of both programs have."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

import typer

from producer.connection.location import URL_VARIABLE, Location, find_server
from producer.terminal.option_group import OptionGroup, option
from producer.wal import DEFAULT_NAMESPACE

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar=URL_VARIABLE,
        metavar="URL",
        show_default="the embedded server if one is running, else redis://localhost:6379/0",
        help="Where Redis is: redis://, rediss://, unix:// or sentinel://.",
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace", envvar="WAL_NAMESPACE", metavar="NAME", show_default=True, help="The namespace of the log."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@dataclass(frozen=True, slots=True)
class LogAddress:
    """What `--url` (None: not given) and `--namespace` say."""

    url: str | None = None
    namespace: str = DEFAULT_NAMESPACE

    @property
    def location(self) -> Location:
        """The server to use: the URL given, an embedded server that runs, or the default."""
        return find_server(self.url, os.environ)


Log = Annotated[
    LogAddress,
    OptionGroup(LogAddress, (option("url", Url, None), option("namespace", Namespace, DEFAULT_NAMESPACE))),
]
