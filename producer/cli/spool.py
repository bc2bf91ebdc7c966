"""`producer spool`, `flush` and `spool drop`: what waits in a spool, its delivery, and its dropping."""

from __future__ import annotations

import logging
import math
import os
import shlex
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.cli.options import Spool, place_of
from producer.connection.location import URL_VARIABLE, Location
from producer.terminal.exit_status import FAILED, TRY_AGAIN
from producer.terminal.options import LONGEST_SECONDS, Address, Json
from producer.terminal.stdout import write, write_json
from producer.text.wording import counted, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from producer.connection.destination import Destination
    from producer.connection.server import Server
    from producer.spool.survey import Survey, Surveyed

_REPLY_SECONDS = 2.0


def spool(context: typer.Context, spool: Spool = None, as_json: Json = False) -> None:
    """Show what waits in a spool, for which server, and what delivers it. Exits with 1 if a part cannot be read."""
    if context.invoked_subcommand:
        return
    place = _place(spool)
    survey = _survey_of(place)
    if as_json:
        documents = [_document(file) for file in survey.files]
        damaged = [path.name for path in survey.damaged]
        write_json(
            {"directory": str(place), "operations": survey.operations, "spools": documents, "damaged": damaged}
        )
    else:
        write("".join(f"{line}\n" for line in _report(place, survey)))
    if survey.unusable:
        raise typer.Exit(FAILED)


def flush(
    spool: Spool = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.0, max=LONGEST_SECONDS, help="How long it may take.")
    ] = 10.0,
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
        typer.Option("--namespace", metavar="NAME", help="Only what is for this namespace.", show_default="each"),
    ] = None,
    *,
    at: Address,
) -> None:
    """Deliver what waits for this server in spools of processes that have ended.

    Each operation goes to the namespace that it was recorded for. Operations for other servers stay, and are shown
    with the command that delivers them; running producers deliver their own. Exits with 0 when nothing else is left,
    75 when operations did not arrive in time, 1 when a spool was damaged or cannot be used, or all that is left waits
    for another server.

    Example: producer flush --timeout 30
    """
    from producer.connection.destination import Destination
    from producer.spool.rescue import DAMAGED
    from producer.wal import wal_key

    if only is not None:
        wal_key(only)  # raises UnusableServer for a name that cannot be a namespace's
    _say_what_is_damaged()
    place = _place(spool)
    if not place.is_dir():
        write("nothing waits\n")
        return
    location = at.location
    moved = tuple(_named(url, "--moved-from") for url in moved_from or [])
    destination = Destination.at(location, moved_from=moved, namespace=only)
    damaged = set(place.glob(f"*{DAMAGED}"))
    delivered, _, trouble = deliver_leftovers(place, location.url, destination, timeout)
    survey = _survey_of(place)
    if delivered:
        write(f"{counted(delivered, 'operation')} delivered\n")
    else:
        write("nothing was delivered\n" if survey.files else "nothing waits\n")
    held = sum(file.held for file in survey.files)
    if held:
        of_running = "spools are of running producers, which deliver them"
        write(f"{counted(held, 'spool is of a running producer, which delivers it', of_running)}\n")
    left = survey.left_behind
    late = sum(count for owed, count in left.items() if destination.takes(*owed))
    elsewhere = {owed: count for owed, count in left.items() if not destination.takes(*owed)}
    for (server, owed), count in elsewhere.items():
        _say_where_it_goes(count, server, owed, place, destination, location)
    if late:
        why = f"{trouble}{at.advice(trouble)}" if trouble else "there was no time"
        typer.echo(f"producer: {waiting(late, still=True)}: {why}", err=True)
    if survey.unusable:
        typer.echo(f"producer: {counted(len(survey.unusable), 'spool')} could not be delivered", err=True)
    if survey.unusable or set(survey.damaged) - damaged:
        raise typer.Exit(FAILED)
    if late:
        raise typer.Exit(TRY_AGAIN)
    if elsewhere:
        raise typer.Exit(FAILED)


def _say_what_is_damaged() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("producer: %(message)s"))
    handler.setLevel(logging.ERROR)  # `flush` itself says, once and at the end, that the server is away
    logging.getLogger("producer").addHandler(handler)


def _place(named: Path | None) -> Path:
    """The directory of spools. If it is `named`, it has to exist; the usual one need not.

    Raises typer.BadParameter for a place that is no directory.
    """
    place = place_of(named)
    is_there = os.path.lexists(place)
    if not place.is_dir() and (named or is_there):
        found = "something else" if is_there else "nothing"
        raise typer.BadParameter(f"expected a directory of spools at {place}, found {found}", param_hint="--spool")
    return place


def _named(url: str, option: str) -> Server:
    """The server at `url`, the value of `option`. Raises typer.BadParameter, because the advice is about --url."""
    from producer.connection.server import Server
    from producer.errors import UnusableServer

    try:
        return Server.named(url)
    except UnusableServer as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _survey_of(place: Path) -> Survey:
    from producer.spool.directory import SpoolDirectory
    from producer.spool.survey import Survey

    # A SpoolDirectory would make the directory.
    return Survey.of(SpoolDirectory(place)) if place.is_dir() else Survey(files=(), damaged=())


def _document(file: Surveyed) -> dict[str, Any]:
    note = asdict(file.waiting) if file.waiting else {}
    note.pop("acked", None)  # of use to the producer's heir only
    return {"file": file.path.name, "held": file.held, "trouble": file.trouble, **note}


def _report(place: Path, survey: Survey) -> list[str]:
    unusable = len(survey.unusable)
    besides = f", and what is in {counted(unusable, 'file')} that cannot be used" if unusable else ""
    return [
        f"{place}: {waiting(survey.operations)}{besides}",
        *(f"  {_line(file)}" for file in survey.files),
        *(f"  {path.name}: damaged, and put aside" for path in survey.damaged),
        *(
            f"What waits for {server} is delivered {_delivery(server, place)}"
            for server in dict.fromkeys(server for server, _ in survey.left_behind)
        ),
    ]


def _line(file: Surveyed) -> str:
    from producer.connection.server import Server

    if file.waiting is None:
        return f"{file.path.name}: {file.trouble or 'in use'}"
    note = file.waiting
    parts = [
        f"{file.path.name}: {counted(note.operations, 'operation')}",
        counted(note.bytes, "byte"),
        *([] if note.oldest_at is None else [f"the oldest {_age(note.oldest_at)} old"]),
        *([f"{note.dropped} dropped"] if note.dropped else []),
        f"for {note.namespace} at {Server(note.server)}",
        f"of {note.by}",
        "running" if file.held else "ended",
    ]
    return ", ".join(parts)


def _age(at: int) -> str:
    seconds = max(0, int(time.time() - at / 1000))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _say_where_it_goes(
    count: int, server: Server, namespace: str, place: Path, here: Destination, location: Location
) -> None:
    """Tell an operator how many operations wait for another server, and both commands that may be meant."""
    wait = f"producer: {waiting(count, whose=f'of namespace {namespace}')} for"
    them = "it" if count == 1 else "them"
    if replace(here, namespace=None).takes(server, namespace):
        typer.echo(f"{wait} {server}, too: --namespace {here.namespace} leaves {them} out", err=True)
        return
    typer.echo(f"{wait} {server}, not for {here.server}", err=True)
    typer.echo(f"producer:   to deliver {them} there, {_delivery(server, place)}", err=True)
    successor = ["--url", here.server.url] if location.is_named_by_flag else []
    moved = flush_command(place, "--moved-from", server.url, *successor)
    typer.echo(f"producer:   if {here.server} has taken its place: {moved}", err=True)


def _delivery(server: Server, place: Path) -> str:
    """When and how to deliver to `server` the operations that wait for it in the directory `place`."""
    from producer.connection.server import UNNAMED

    if server == UNNAMED:
        unset = f"env -u {URL_VARIABLE} " if os.environ.get(URL_VARIABLE) else ""
        return f"when it runs: {unset}{flush_command(place)}"
    return f"with its password in the URL, if it has one: {flush_command(place, '--url', server.url)}"


def deliver_leftovers(
    place: Path,
    url: str,
    destination: Destination,
    timeout: float,
    *,
    attempts: float = math.inf,
    agree: Callable[[float], None] | None = None,
) -> tuple[int, bool, str | None]:
    """Deliver to the server at `url` what dead processes left for `destination`, within `timeout` seconds.

    `agree(seconds)` precedes what is sent. Returns how many operations arrived, whether each spool is delivered, put
    off or another's, and the trouble.
    """
    from producer.connection.client import client_of
    from producer.delivery.forwarder import Forwarder
    from producer.durability import Durability
    from producer.identity import Identity
    from producer.queue.buffer import Buffer
    from producer.spool import options
    from producer.spool.directory import SpoolDirectory
    from producer.spool.leftovers import Leftovers

    reply = min(_REPLY_SECONDS, timeout) or _REPLY_SECONDS
    client, _ = client_of(url, timeout=reply)
    leftovers = Leftovers(SpoolDirectory(options.Spool(place, destination=destination)))
    durability = Durability(timeout=reply)  # its level is that of each spool
    own = Buffer(Identity(), "", limit=1, patience=1)  # stays empty: these commands record nothing by it
    forwarder = Forwarder(client, own, leftovers=leftovers, durability=durability, timeout=reply, agree=agree)
    forwarder.start()
    forwarder.flush(timeout, attempts=attempts)
    forwarder.stop(timeout=2 * reply)
    return forwarder.delivered, leftovers.exhausted, forwarder.trouble or leftovers.trouble


def flush_command(place: Path, *options: str) -> str:
    """The command that delivers what waits in `place`."""
    elsewhere = [] if place.absolute() == place_of(None) else ["--spool", str(place.absolute())]
    return shlex.join(["producer", "flush", *elsewhere, *options])


def drop(
    context: typer.Context,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Spools, as `producer spool` names them.")
    ] = None,
    server: Annotated[str | None, typer.Option("--for", metavar="URL", help="All that wait for this server.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    spool: Spool = None,
) -> None:
    """Give up operations that can never be delivered.

    Their file stays in the directory under another name. What a living producer holds stays. Exits with 1 if
    something stays.

    Example: producer spool drop --yes --for redis://gone:6379/0
    """
    from producer.spool.directory import SpoolDirectory

    if bool(files) == (server is not None):
        raise typer.BadParameter("expected the names of spools, or a server", param_hint="FILE or --for")
    place = _place(spool or (context.parent.params["spool"] if context.parent else None))
    chosen = _chosen(_survey_of(place), files or [], server)
    if not chosen:
        write("nothing was dropped\n")
        return
    free = [file for file in chosen if not file.held]
    known = sum(file.waiting.operations for file in free if file.waiting)
    if free and not yes:
        typer.confirm(f"Drop {counted(known, 'operation')} in {counted(len(free), 'spool')}?", abort=True, err=True)
    directory = SpoolDirectory(place)
    stay = False
    for file in chosen:
        aside = directory.drop(file.path)
        if aside is None:
            stay = True
            typer.echo(f"producer: {file.path.name} stays: a running producer holds it", err=True)
        else:
            note = file.waiting
            what = f"{counted(note.operations, 'operation')} of {note.by}" if note else "what is in this damaged file"
            back = shlex.join(["mv", str(aside), str(file.path)])
            write(f"{file.path.name}: {what} dropped; to take that back: {back}\n")
    if stay:
        raise typer.Exit(FAILED)


def _chosen(survey: Survey, names: list[str], server: str | None) -> list[Surveyed]:
    from producer.connection.server import Server

    if server is not None:
        meant = _named(server, "--for")
        return [file for file in survey.files if file.waiting and meant.is_same(Server(file.waiting.server))]
    found = {file.path.name: file for file in survey.files}
    if unknown := [name for name in names if Path(name).name not in found]:
        raise typer.BadParameter(f"found no spool {', '.join(unknown)}", param_hint="FILE")
    return [found[Path(name).name] for name in names]
