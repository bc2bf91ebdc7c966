"""`producer spool`: what waits in a spool, shown."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.cli.options import Spool, spools
from producer.cli.wording import counted, waiting

if TYPE_CHECKING:
    from producer.spool.survey import Survey, Surveyed

__all__ = ["spool"]


def spool(
    directory: Spool = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what waits in a spool, for which server, and what delivers it. Exits with 1 if a part cannot be read."""
    place, is_there = spools(directory)
    survey = _survey(place, is_there)
    if as_json:
        typer.echo(json.dumps(_as_json(place, survey), indent=2))
    else:
        _show(place, survey)
    if survey.unusable:
        raise typer.Exit(1)


def _show(place: Path, survey: Survey) -> None:
    besides = (
        f", and what is in {counted(len(survey.unusable), 'file')} that cannot be used" if survey.unusable else ""
    )
    typer.echo(f"{place}: {waiting(survey.operations)}{besides}")
    for file in survey.files:
        typer.echo(f"  {_line(file)}")
    for path in survey.damaged:
        typer.echo(f"  {path.name}: damaged, and put aside")
    _say_what_delivers(survey, place)


def _survey(place: Path, is_there: bool) -> Survey:
    from producer.spool.directory import SpoolDirectory
    from producer.spool.survey import Survey

    return Survey.of(SpoolDirectory(place)) if is_there else Survey(files=(), damaged=())


def _say_what_delivers(survey: Survey, place: Path) -> None:
    from producer.cli.delivery import delivery

    for server in dict.fromkeys(server for server, _ in survey.left_behind):
        typer.echo(f"What waits for {server} is delivered {delivery(server, place)}")


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


def _as_json(place: Path, survey: Survey) -> dict[str, Any]:
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
