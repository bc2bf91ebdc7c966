"""`producer spool`: what waits in a spool, shown."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.cli.options import Spool
from producer.location import spool_directory

if TYPE_CHECKING:
    from producer.spool.survey import Survey, Surveyed

__all__ = ["spool"]


def spool(
    directory: Spool = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what waits in a spool, for which server, and what delivers it."""
    place = directory or spool_directory(os.environ)
    survey = _survey(place)
    if as_json:
        typer.echo(json.dumps(_as_json(place, survey), indent=2))
        return
    typer.echo(f"{place}: {_counted(survey.operations, 'operation')} wait")
    for file in survey.files:
        typer.echo(f"  {_line(file)}")
    for path in survey.damaged:
        typer.echo(f"  {path.name}: damaged, and put aside")
    _say_what_delivers(survey, place)


def _survey(place: Path) -> Survey:
    from producer.spool.directory import SpoolDirectory
    from producer.spool.survey import Survey

    return Survey.of(SpoolDirectory(place)) if place.is_dir() else Survey(files=(), damaged=())


def _say_what_delivers(survey: Survey, place: Path) -> None:
    from producer.cli.delivery import delivery

    for server in dict.fromkeys(server for server, _ in survey.left_behind):
        typer.echo(f"What waits for {server} is delivered {delivery(server, place)}")


def _line(file: Surveyed) -> str:
    from producer.server import Server

    if file.waiting is None:
        return f"{file.path.name}: {file.trouble or 'in use'}"
    waiting = file.waiting
    parts = [
        _counted(waiting.operations, "operation"),
        f"{waiting.bytes} bytes",
        *([] if waiting.oldest_at is None else [f"the oldest {_age(waiting.oldest_at)} old"]),
        *([f"{waiting.dropped} dropped"] if waiting.dropped else []),
        f"for {waiting.namespace} at {Server(waiting.server)}",
        f"of {waiting.by}",
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


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
