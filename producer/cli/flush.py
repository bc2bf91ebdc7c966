"""`producer flush`: what waits in a spool, delivered."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from producer.cli.options import Spool, Url
from producer.location import locate, spool_directory

__all__ = ["flush"]

_REPLY_SECONDS = 2.0


def flush(
    directory: Spool = None,
    timeout: Annotated[float, typer.Option(metavar="S", min=0.0, help="How long it may take, in seconds.")] = 10.0,
    url: Url = None,
) -> None:
    """Deliver what waits in a spool whose process has ended.

    What running producers hold, they deliver themselves. Exits with 0 when nothing else is left, 75 when it did not
    arrive in time.
    """
    _say_what_is_damaged()
    place = directory or spool_directory(os.environ)
    if not place.is_dir():
        typer.echo("nothing waits")
        return
    delivered, trouble = _deliver(place, locate(url, os.environ), timeout)
    typer.echo(f"{delivered} operations delivered" if delivered else "nothing was delivered")
    left_behind, held = _remaining(place)
    if held:
        typer.echo(f"{held} spools are of running producers, which deliver them")
    if left_behind:
        typer.echo(f"producer: {left_behind} operations still wait: {trouble or 'there was no time'}", err=True)
        raise typer.Exit(os.EX_TEMPFAIL)


def _say_what_is_damaged() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("producer: %(message)s"))
    handler.setLevel(logging.ERROR)  # that the server is away is said once, at the end
    logging.getLogger("producer").addHandler(handler)


def _deliver(place: Path, url: str, timeout: float) -> tuple[int, str | None]:
    """(how many operations were delivered, why no more)."""
    from producer.connection import client_of
    from producer.durability import Durability
    from producer.forwarder import Forwarder
    from producer.spool.directory import SpoolDirectory
    from producer.spool.leftovers import Leftovers

    client, _ = client_of(url, timeout=_REPLY_SECONDS)
    leftovers = Leftovers(SpoolDirectory(place))
    forwarder = Forwarder(client, None, leftovers=leftovers, durability=Durability(), timeout=_REPLY_SECONDS)
    forwarder.start()
    forwarder.flush(timeout)
    forwarder.stop(timeout=2 * _REPLY_SECONDS)
    return forwarder.delivered, forwarder.trouble


def _remaining(place: Path) -> tuple[int, int]:
    """(operations that no process will deliver by itself, spools that one holds)."""
    from producer.spool.directory import SpoolDirectory
    from producer.spool.survey import Survey

    survey = Survey.of(SpoolDirectory(place))
    return survey.left_behind, sum(file.held for file in survey.files)
