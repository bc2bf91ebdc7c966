"""`projector export`: entries of the log for other programs."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write
from producer.text.wording import counted
from projector.answers.interval import Interval
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.interval import Between
from projector.cli.options import ArchiveOption
from projector.errors import ProjectorError

_Form = typer.Option("--format", metavar="FORMAT", help="jsonl, csv or parquet.")
_Output = typer.Option("--output", "-o", metavar="FILE", help="Written whole, or left as it was.")
_NAMED = 5
"""Namespaces that a message names."""


def export(
    form: Annotated[str, _Form] = "jsonl",
    output: Annotated[Path | None, _Output] = None,
    archive: ArchiveOption = None,
    *,
    between: Between,
    log: Logs,
) -> None:
    """Write the entries of the log, in order, as JSON Lines, CSV or Parquet.

    JSON Lines have every byte of an entry; CSV and Parquet have a column for each field of any operation. The times
    of --since and --until are those at which the server took the entries. Of several namespaces, or partitions, each
    is written to a file of its own: -o names the directory.

    Example: projector export --since yesterday --format csv
    """
    from projector.export import FORMATS

    if form not in FORMATS:
        raise typer.BadParameter(f"expected {', '.join(FORMATS)}, found {form!r}", param_hint="--format")
    if form == "parquet" and output is None:
        raise typer.BadParameter("parquet is written to a file alone: -o FILE", param_hint="--format")
    told, names = log.told, log.found()
    if names == [told]:
        _export(log, told, output, form, between, archive)
        return
    if not names:
        raise ProjectorError(f"no namespace is like {told}; those there are: projector namespaces")
    if output is None or (output.exists() and not output.is_dir()):
        listed = ", ".join(names[:_NAMED]) + (", …" if names[_NAMED:] else "")
        raise typer.BadParameter(
            f"expected a directory, because {told} means {counted(len(names), 'namespace')} ({listed}), and each is "
            "written to a file of its own",
            param_hint="-o",
        )
    output.mkdir(parents=True, exist_ok=True)
    for name in names:
        _export(log, name, output / f"{name}.{form}", form, between, archive)


def _export(
    log: LogAddresses, namespace: str, output: Path | None, form: str, between: Interval, archive: str | None
) -> None:
    from projector.export import export as export_entries

    with _whole(output) if output else _standard_output() as file, progress_bar("Exporting") as progress:
        done = export_entries(
            log.location.url,
            namespace,
            file=file,
            form=form,
            after_id=between.after_id,
            last_id=between.last_id,
            archive=archive,
            progress=progress,
        )
    if done.gone:
        gone = counted(done.gone, "entry is", "entries are")
        where = "the log" if namespace == log.told else f"the log of {namespace}"
        typer.echo(f"incomplete: {gone} no longer in {where}; if they were archived: --archive WHERE", err=True)
    if output:
        write(f"exported {counted(done.entries, 'entry')} to {output}\n")


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the body is done; if the body raises, it is gone."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise typer.BadParameter(f"expected a file, found something else: {path}")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Bytes to standard output, which this closes itself: so an error when the last are written is still told."""
    sys.stdout.flush()
    try:
        with os.fdopen(os.dup(1), "wb") as file:
            yield file
    except OSError as error:
        if error.filename is None and not isinstance(error, BrokenPipeError):
            error.filename = "standard output"
        raise
