"""`producer spool`: what waits in a spool, shown."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from producer.cli.options import Spool, spools
from producer.terminal.exit_status import FAILED
from producer.terminal.options import Json
from producer.terminal.stdout import write, write_json
from producer.terminal.wording import counted, waiting

if TYPE_CHECKING:
    from producer.spool.survey import Survey, Surveyed


def spool(spool: Spool = None, as_json: Json = False) -> None:
    """Show what waits in a spool, for which server, and what delivers it. Exits with 1 if a part cannot be read."""
    from producer.spool.survey import Survey

    place, exists = spools(spool)
    survey = survey_of(place) if exists else Survey(files=(), damaged=())
    if as_json:
        write_json(_document(place, survey))
    else:
        write("".join(f"{line}\n" for line in _report(place, survey)))
    if survey.unusable:
        raise typer.Exit(FAILED)


def survey_of(place: Path) -> Survey:
    """What waits in the directory `place`."""
    from producer.spool.directory import SpoolDirectory
    from producer.spool.survey import Survey

    return Survey.of(SpoolDirectory(place))


def _report(place: Path, survey: Survey) -> list[str]:
    from producer.cli.delivery import delivery

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


def _document(place: Path, survey: Survey) -> dict[str, Any]:
    return {
        "directory": str(place),
        "operations": survey.operations,
        "spools": [
            {
                "file": file.path.name,
                "held": file.held,
                "trouble": file.trouble,
                **(asdict(file.waiting) if file.waiting else {}),
            }
            for file in survey.files
        ],
        "damaged": [path.name for path in survey.damaged],
    }
