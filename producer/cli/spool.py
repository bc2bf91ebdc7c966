"""`producer spool`: what waits in a spool, and the commands that deliver it, to be copied."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from producer.cli.options import Spool, spools
from producer.connection.location import URL_VARIABLE, spool_directory
from producer.terminal.exit_status import FAILED
from producer.terminal.options import Json
from producer.terminal.stdout import write, write_json
from producer.terminal.wording import counted, waiting

if TYPE_CHECKING:
    from producer.connection.server import Server
    from producer.spool.survey import Survey, Surveyed


def spool(spool: Spool = None, as_json: Json = False) -> None:
    """Show what waits in a spool, for which server, and what delivers it. Exits with 1 if a part cannot be read."""
    place, exists = spools(spool)
    survey = survey_of(place, exists=exists)
    if as_json:
        documents = [
            {
                "file": file.path.name,
                "held": file.held,
                "trouble": file.trouble,
                **(asdict(file.waiting) if file.waiting else {}),
            }
            for file in survey.files
        ]
        damaged = [path.name for path in survey.damaged]
        write_json(
            {"directory": str(place), "operations": survey.operations, "spools": documents, "damaged": damaged}
        )
    else:
        write("".join(f"{line}\n" for line in _report(place, survey)))
    if survey.unusable:
        raise typer.Exit(FAILED)


def survey_of(place: Path, *, exists: bool = True) -> Survey:
    """What waits in the directory `place`; nothing if it does not exist."""
    from producer.spool.directory import SpoolDirectory
    from producer.spool.survey import Survey

    return Survey.of(SpoolDirectory(place)) if exists else Survey(files=(), damaged=())


def _report(place: Path, survey: Survey) -> list[str]:
    unusable = len(survey.unusable)
    besides = f", and what is in {counted(unusable, 'file')} that cannot be used" if unusable else ""
    return [
        f"{place}: {waiting(survey.operations)}{besides}",
        *(f"  {_line(file)}" for file in survey.files),
        *(f"  {path.name}: damaged, and put aside" for path in survey.damaged),
        *(
            f"What waits for {server} is delivered {delivery(server, place)}"
            for server in dict.fromkeys(server for server, _ in survey.left_behind)
        ),
    ]


def _line(file: Surveyed) -> str:
    from producer.connection.server import Server

    if file.waiting is None:
        return f"{file.path.name}: {file.trouble or 'in use'}"
    note = file.waiting
    parts = [
        counted(note.operations, "operation"),
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


def delivery(server: Server, place: Path) -> str:
    """When and how to deliver to `server` the operations that wait for it in the directory `place`."""
    from producer.connection.server import UNNAMED

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
