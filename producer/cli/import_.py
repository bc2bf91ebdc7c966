"""`producer import`: bring logs of other programs into the write-ahead log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.cli.options import AllowOddTimes
from producer.terminal.exit_status import FAILED
from producer.terminal.options import LONGEST_SECONDS, Log
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write
from producer.text.wording import counted

if TYPE_CHECKING:
    from producer.importing.importer import Summary


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            dir_okay=False,
            readable=True,
            help="Logs, in any order: plain, .gz or .zst; - is stdin.",
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check the files; write nothing.")] = False,
    patience: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, max=LONGEST_SECONDS, help="How long to wait for Redis when it is away."
        ),
    ] = 30.0,
    allow_odd_times: AllowOddTimes = False,
    *,
    log: Log,
) -> None:
    """Import the Rust engine's wal.jsonl, or JSON Lines of operations.

    Importing a file again, or a longer or mended copy of it later, adds only what is new. Exits with 1 if a line was
    bad: it is reported and skipped, the rest is imported. An archive or stdin is copied to a temporary file first; if
    an archive is damaged, nothing is imported.

    Example: producer import --dry-run wal.jsonl
    """
    from producer.connection.client import client_of
    from producer.importing.importer import Importer
    from producer.importing.log_file import LogFile
    from producer.importing.plain_copy import STDIN

    for path in files:
        if path != STDIN and not path.exists():  # Typer would look for `-`, too
            raise typer.BadParameter(f"file {str(path)!r} does not exist", param_hint="'FILE'")
    closing_all = ExitStack()
    sources = [closing_all.enter_context(closing(LogFile(path, allow_odd_times=allow_odd_times))) for path in files]
    if len(sources) > 1:
        # A later part of a log acknowledges all earlier ones: if it came first, those would count as duplicates.
        sources.sort(key=LogFile.place)
    bad = 0
    client, _ = client_of(log.location.url, log.namespace)
    with closing_all, closing(client):
        importer = Importer(client, log.namespace, dry_run=dry_run, patience=patience)
        for source in sources:
            with progress_bar(os.path.basename(source.title), in_bytes=True) as progress:
                summary = importer.add(source, progress)
            bad += len(summary.bad)
            for number, reason in sorted(summary.bad.items()):
                typer.echo(f"producer: {source.title}, line {number}: {reason}", err=True)
            write("".join(f"{source.title}: {text}\n" for text in _told(summary, dry_run)))
        if importer.silence is not None:
            typer.echo(f"producer: not known how many are duplicates: {importer.silence}", err=True)
    if bad:
        raise typer.Exit(FAILED)


def _told(summary: Summary, dry_run: bool) -> Iterator[str]:
    """The counts of one file in a line, and what they mean if that is not plain."""
    count = summary.operations if dry_run else summary.appended
    parts = [
        counted(summary.lines, "line"),
        f"{counted(count, 'operation')} to append" if dry_run else f"{count:,} appended",
    ]
    if summary.duplicates:
        new = summary.operations - summary.duplicates
        parts[-1] += f", {new:,} of them new ({counted(summary.duplicates, 'duplicate')})"
    if summary.skipped:
        kinds = ", ".join(f"{kind!r} {number:,}" for kind, number in summary.skipped.most_common())
        parts.append(f"{summary.skipped.total():,} of other types skipped ({kinds})")
    yield ", ".join([*parts, f"{len(summary.bad):,} bad"])
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
    if len(summary.bad) > summary.unmendable:
        yield "mend what is bad and import it again: only that is new then; until then it may show as missing"
