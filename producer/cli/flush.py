"""`producer flush`: what waits in a spool, delivered."""

from __future__ import annotations

import logging
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.cli.options import Spool, Url, spools
from producer.cli.wording import counted, waiting
from producer.connection.location import URL_VARIABLE, Location, find_server

if TYPE_CHECKING:
    from producer.connection.destination import Destination
    from producer.connection.server import Server
    from producer.spool.survey import Survey

__all__ = ["flush"]

_REPLY_SECONDS = 2.0
_UNUSABLE, _ELSEWHERE = 1, 3


def flush(
    directory: Spool = None,
    timeout: Annotated[float, typer.Option(metavar="S", min=0.0, help="How long it may take, in seconds.")] = 10.0,
    moved_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Deliver also what waits for this server, which the one named by --url has taken the place of. "
            "Repeatable.",
        ),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what is for this namespace. [default: each]")
    ] = None,
    url: Url = None,
) -> None:
    """Deliver what waits in a spool whose process has ended, and is for this server.

    Each operation goes to the namespace that it was recorded for. What waits for other servers stays, and is shown
    with the command that delivers it; what running producers hold, they deliver themselves. Exits with 0 when nothing
    else is left, 1 when a spool was damaged or cannot be used, 75 when it did not arrive in time, 3 when what is left
    waits for elsewhere.
    """
    from producer.spool.rescue import DAMAGED

    _say_what_is_damaged()
    place, is_there = spools(directory)
    if not is_there:
        typer.echo("nothing waits")
        return
    location = find_server(url, os.environ)
    destination = _destination(location, moved_from or [], namespace)
    damaged = set(place.glob(f"*{DAMAGED}"))
    delivered, trouble = _deliver(place, location.url, destination, timeout)
    survey = _survey(place)
    if delivered:
        typer.echo(f"{counted(delivered, 'operation')} delivered")
    else:
        typer.echo("nothing was delivered" if survey.files else "nothing waits")
    if held := sum(file.held for file in survey.files):
        one = held == 1
        typer.echo(
            f"{counted(held, 'spool')} {'is of a running producer' if one else 'are of running producers'}, "
            f"which {'delivers it' if one else 'deliver them'}"
        )
    late, elsewhere = _sorted(survey, destination)
    is_named = location.how == "named" and location.url != os.environ.get(URL_VARIABLE)
    for (server, owed), count in elsewhere.items():
        _say_where_it_goes(count, server, owed, place, destination, is_named=is_named)
    if late:
        typer.echo(f"producer: {waiting(late, still=True)}: {trouble or 'there was no time'}", err=True)
    if survey.unusable:
        typer.echo(f"producer: {counted(len(survey.unusable), 'spool')} could not be delivered", err=True)
    if survey.unusable or set(survey.damaged) - damaged:
        raise typer.Exit(_UNUSABLE)
    if late:
        raise typer.Exit(os.EX_TEMPFAIL)
    if elsewhere:
        raise typer.Exit(_ELSEWHERE)


def _say_what_is_damaged() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("producer: %(message)s"))
    handler.setLevel(logging.ERROR)  # that the server is away is said once, at the end
    logging.getLogger("producer").addHandler(handler)


def _destination(location: Location, moved_from: list[str], namespace: str | None) -> Destination:
    from producer.connection.destination import Destination
    from producer.connection.server import Server
    from producer.wal import wal_key

    if namespace is not None:
        wal_key(namespace)  # raises for one that is none
    return Destination.at(location, moved_from=tuple(map(Server.named, moved_from)), namespace=namespace)


def _deliver(place: Path, url: str, destination: Destination, timeout: float) -> tuple[int, str | None]:
    """(how many operations were delivered, why no more)."""
    from producer.connection.client import client_of
    from producer.delivery.forwarder import Forwarder
    from producer.durability import Durability
    from producer.spool import options
    from producer.spool.directory import SpoolDirectory
    from producer.spool.leftovers import Leftovers

    client, _ = client_of(url, timeout=_REPLY_SECONDS)
    leftovers = Leftovers(SpoolDirectory(options.Spool(place, destination=destination)))
    durability = Durability(timeout=_REPLY_SECONDS)  # its level is that of each spool
    forwarder = Forwarder(client, None, leftovers=leftovers, durability=durability, timeout=_REPLY_SECONDS)
    forwarder.start()
    forwarder.flush(timeout)
    forwarder.stop(timeout=2 * _REPLY_SECONDS)
    return forwarder.delivered, forwarder.trouble or leftovers.trouble


def _survey(place: Path) -> Survey:
    from producer.spool.directory import SpoolDirectory
    from producer.spool.survey import Survey

    return Survey.of(SpoolDirectory(place))


def _sorted(survey: Survey, destination: Destination) -> tuple[int, Counter[tuple[Server, str]]]:
    """(operations left that are for us, and how many for which other server and namespace)."""
    elsewhere = survey.left_behind
    late = sum(count for owed, count in elsewhere.items() if destination.takes(*owed))
    return late, Counter({owed: count for owed, count in elsewhere.items() if not destination.takes(*owed)})


def _say_where_it_goes(
    count: int, server: Server, namespace: str, place: Path, here: Destination, *, is_named: bool
) -> None:
    """To an operator who did not expect it: what waits where for whom, and both of the things that can be meant."""
    from producer.cli.delivery import after_a_move, delivery

    wait = f"producer: {waiting(count, whose=f'of namespace {namespace}')} for"
    them = "it" if count == 1 else "them"
    if replace(here, namespace=None).takes(server, namespace):
        typer.echo(f"{wait} {server}, too: --namespace {here.namespace} leaves {them} out", err=True)
        return
    typer.echo(f"{wait} {server}, not for {here.server}", err=True)
    typer.echo(f"producer:   to deliver {them} there, {delivery(server, place)}", err=True)
    moved = after_a_move(server, place, here.server if is_named else None)
    typer.echo(f"producer:   if {here.server} has taken its place: {moved}", err=True)
