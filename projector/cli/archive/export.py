"""`projector export`: entries of the log for other programs."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from producer.terminal.options import Log
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write
from producer.text.wording import counted
from projector.cli.interval import Between
from projector.cli.options import ArchiveOption

_Form = typer.Option("--format", metavar="FORMAT", help="jsonl, csv or parquet.")
_Output = typer.Option("--output", "-o", metavar="FILE", help="Written whole, or left as it was.")


def export(
    form: Annotated[str, _Form] = "jsonl",
    output: Annotated[Path | None, _Output] = None,
    archive: ArchiveOption = None,
    *,
    between: Between,
    log: Log,
) -> None:
    """Write the entries of the log, in order, as JSON Lines, CSV or Parquet.

    JSON Lines have every byte of an entry; CSV and Parquet have a column for each field of any operation. The times
    of --since and --until are those at which the server took the entries.

    Example: projector export --since yesterday --format csv
    """
    from projector.export import FORMATS
    from projector.export import export as export_entries

    if form not in FORMATS:
        raise typer.BadParameter(f"expected {', '.join(FORMATS)}, found {form!r}", param_hint="--format")
    if form == "parquet" and output is None:
        raise typer.BadParameter("parquet is written to a file alone: -o FILE", param_hint="--format")
    with _whole(output) if output else _standard_output() as file, progress_bar("Exporting") as progress:
        done = export_entries(
            log.location.url,
            log.namespace,
            file=file,
            form=form,
            after_id=between.after_id,
            last_id=between.last_id,
            archive=archive,
            progress=progress,
        )
    if done.gone:
        gone = counted(done.gone, "entry is", "entries are")
        typer.echo(f"incomplete: {gone} no longer in the log; if they were archived: --archive WHERE", err=True)
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
