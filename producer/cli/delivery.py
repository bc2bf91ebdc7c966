"""How to deliver the operations that wait in a spool for a server, as commands to copy."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from producer.connection.location import URL_VARIABLE, spool_directory
from producer.connection.server import UNNAMED, Server


def delivery(server: Server, place: Path) -> str:
    """When and how to deliver to `server` the operations that wait for it in the directory `place`."""
    if server == UNNAMED:
        unset = f"env -u {URL_VARIABLE} " if os.environ.get(URL_VARIABLE) else ""
        return f"when it runs: {unset}{_flush(place)}"
    if not server.is_address:
        return f"by a Producer with a client of that cluster: Producer(client, spool={str(place.absolute())!r})"
    return f"with its password in the URL, if it has one: {_flush(place, '--url', server.url)}"


def after_a_move(server: Server, place: Path, here: Server | None) -> str:
    """The command that delivers operations for `server` to its successor: `here`, or the usual server."""
    return _flush(place, "--moved-from", server.url, *([] if here is None else ["--url", here.url]))


def _flush(place: Path, *options: str) -> str:
    elsewhere = [] if place.absolute() == spool_directory(os.environ) else ["--spool", str(place.absolute())]
    return shlex.join(["producer", "flush", *elsewhere, *options])
