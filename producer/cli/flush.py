"""`producer flush`: deliver the operations that wait in a spool."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.cli.options import Spool, spools
from producer.cli.spool import after_a_move, delivery, survey_of
from producer.connection.location import URL_VARIABLE, find_server
from producer.terminal.exit_status import ELSEWHERE, FAILED, TRY_AGAIN
from producer.terminal.options import Url
from producer.terminal.stdout import write
from producer.terminal.wording import counted, waiting

if TYPE_CHECKING:
    from producer.connection.destination import Destination
    from producer.connection.server import Server

_REPLY_SECONDS = 2.0


def flush(
    spool: Spool = None,
    timeout: Annotated[float, typer.Option(metavar="S", min=0.0, help="How long it may take, in seconds.")] = 10.0,
    moved_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Deliver also what waits for this server, which the one named by --url has taken the place of. "
            "Repeatable.",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--namespace", metavar="NAME", help="Only what is for this namespace. [default: each]"),
    ] = None,
    url: Url = None,
) -> None:
    """Deliver the operations for this server that wait in spools whose processes have ended.

    Each operation goes to the namespace that it was recorded for. Operations for other servers stay, and are shown
    with the command that delivers them; running producers deliver their own. Exits with 0 when nothing else is left,
    1 when a spool was damaged or cannot be used, 75 when operations did not arrive in time, 3 when all that is left
    waits for another server.
    """
    from producer.connection.destination import Destination
    from producer.connection.server import Server
    from producer.spool.rescue import DAMAGED
    from producer.wal import wal_key

    if only is not None:
        wal_key(only)  # raises UnusableServer for a name that cannot be a namespace's
    _say_what_is_damaged()
    place, is_there = spools(spool)
    if not is_there:
        return write("nothing waits\n")
    location = find_server(url, os.environ)
    moved = tuple(map(Server.named, moved_from or []))
    destination = Destination.at(location, moved_from=moved, namespace=only)
    damaged = set(place.glob(f"*{DAMAGED}"))
    delivered, trouble = _deliver(place, location.url, destination, timeout)
    survey = survey_of(place)
    if delivered:
        write(f"{counted(delivered, 'operation')} delivered\n")
    else:
        write("nothing was delivered\n" if survey.files else "nothing waits\n")
    held = sum(file.held for file in survey.files)
    if held == 1:
        write("1 spool is of a running producer, which delivers it\n")
    elif held:
        write(f"{held:,} spools are of running producers, which deliver them\n")
    left = survey.left_behind
    late = sum(count for owed, count in left.items() if destination.takes(*owed))
    elsewhere = {owed: count for owed, count in left.items() if not destination.takes(*owed)}
    is_named = location.how == "named" and location.url != os.environ.get(URL_VARIABLE)
    for (server, owed), count in elsewhere.items():
        _say_where_it_goes(count, server, owed, place, destination, is_named=is_named)
    if late:
        typer.echo(f"producer: {waiting(late, still=True)}: {trouble or 'there was no time'}", err=True)
    if survey.unusable:
        typer.echo(f"producer: {counted(len(survey.unusable), 'spool')} could not be delivered", err=True)
    if survey.unusable or set(survey.damaged) - damaged:
        raise typer.Exit(FAILED)
    if late:
        raise typer.Exit(TRY_AGAIN)
    if elsewhere:
        raise typer.Exit(ELSEWHERE)
    return None


def _say_what_is_damaged() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("producer: %(message)s"))
    handler.setLevel(logging.ERROR)  # `flush` itself says, once and at the end, that the server is away
    logging.getLogger("producer").addHandler(handler)


def _deliver(place: Path, url: str, destination: Destination, timeout: float) -> tuple[int, str | None]:
    """(how many operations were delivered, why not more)."""
    from producer.connection.client import client_of
    from producer.delivery.forwarder import Forwarder
    from producer.durability import Durability
    from producer.identity import Identity
    from producer.queue.buffer import Buffer
    from producer.spool import options
    from producer.spool.directory import SpoolDirectory
    from producer.spool.leftovers import Leftovers

    client, _ = client_of(url, timeout=_REPLY_SECONDS)
    leftovers = Leftovers(SpoolDirectory(options.Spool(place, destination=destination)))
    durability = Durability(timeout=_REPLY_SECONDS)  # its level is that of each spool
    own = Buffer(Identity(), "", limit=1, patience=1)  # stays empty: this command records nothing
    forwarder = Forwarder(client, own, leftovers=leftovers, durability=durability, timeout=_REPLY_SECONDS)
    forwarder.start()
    forwarder.flush(timeout)
    forwarder.stop(timeout=2 * _REPLY_SECONDS)
    return forwarder.delivered, forwarder.trouble or leftovers.trouble


def _say_where_it_goes(
    count: int, server: Server, namespace: str, place: Path, here: Destination, *, is_named: bool
) -> None:
    """Tell an operator how many operations wait for another server, and both commands that may be meant."""
    wait = f"producer: {waiting(count, whose=f'of namespace {namespace}')} for"
    them = "it" if count == 1 else "them"
    if replace(here, namespace=None).takes(server, namespace):
        typer.echo(f"{wait} {server}, too: --namespace {here.namespace} leaves {them} out", err=True)
        return
    typer.echo(f"{wait} {server}, not for {here.server}", err=True)
    typer.echo(f"producer:   to deliver {them} there, {delivery(server, place)}", err=True)
    moved = after_a_move(server, place, here.server if is_named else None)
    typer.echo(f"producer:   if {here.server} has taken its place: {moved}", err=True)
