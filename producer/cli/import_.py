"""`producer import`: bring logs of other programs into the write-ahead log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.exit_status import FAILED
from producer.terminal.options import Log
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write
from producer.terminal.wording import counted

if TYPE_CHECKING:
    from producer.importing.importer import Summary


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="Logs, in any order."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check the files; write nothing.")] = False,
    patience: Annotated[
        float,
        typer.Option("--patience", metavar="SECONDS", min=0, help="How long to wait for Redis when it is away."),
    ] = 30.0,
    *,
    log: Log,
) -> None:
    """Import the Rust engine's wal.jsonl, or JSON Lines of operations.

    Importing a file again, or a longer or mended copy of it later, adds only what is new. Exits with 1 if a line was
    bad: it is reported and skipped, the rest is imported.
    """
    from producer.connection.client import client_of
    from producer.importing.importer import Importer
    from producer.importing.log_file import LogFile

    sources = [LogFile(path) for path in files]
    if len(sources) > 1:
        # A later part of a log acknowledges all earlier ones: if it came first, those would count as duplicates.
        sources.sort(key=LogFile.place)
    bad = 0
    client, _ = client_of(log.location.url)
    with closing(client):
        importer = Importer(client, log.namespace, dry_run=dry_run, patience=patience)
        for source in sources:
            with progress_bar(source.path.name, in_bytes=True) as progress:
                summary = importer.add(source, partial(progress, total=source.size))
            bad += len(summary.bad)
            for number, reason in sorted(summary.bad.items()):
                typer.echo(f"producer: {source.path}, line {number}: {reason}", err=True)
            for text in (_told(summary, dry_run), *_remarks(summary)):
                write(f"{source.path}: {text}\n")
        if importer.silence is not None:
            typer.echo(f"producer: not known how many are duplicates: {importer.silence}", err=True)
    if bad:
        raise typer.Exit(FAILED)


def _told(summary: Summary, dry_run: bool) -> str:
    """The counts of one file, in a line."""
    count = summary.operations if dry_run else summary.appended
    parts = [counted(summary.lines, "line"), f"{count:,} {'operations to append' if dry_run else 'appended'}"]
    if summary.duplicates:
        parts[-1] += f", {summary.operations - summary.duplicates:,} of them new ({summary.duplicates:,} duplicates)"
    if summary.skipped:
        kinds = ", ".join(f"{kind!r} {number:,}" for kind, number in summary.skipped.most_common())
        parts.append(f"{summary.skipped.total():,} of other types skipped ({kinds})")
    parts.append(f"{len(summary.bad):,} bad")
    return ", ".join(parts)


def _remarks(summary: Summary) -> Iterator[str]:
    """What the counts mean, if that is not plain."""
    if summary.only_duplicates:
        yield (
            "every operation in it is a duplicate and adds nothing: it was imported before, or is a log begun anew "
            "under the same machine id, which would need another to be counted"
        )
    elif summary.duplicates and summary.is_named_by_itself:
        yield (
            f"taken for a longer copy of a file whose import brought {summary.duplicates:,} of these, since the "
            "first operation is the same; if it is another file, put another operation first, to be told apart"
        )
    if summary.duplicates:
        yield "duplicates do not count again, but take up room: the log has them once more"
    if len(summary.bad) > summary.unmendable:
        yield "mend what is bad and import it again: only that is new then; meanwhile it may show as missing"
