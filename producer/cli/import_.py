"""`producer import`: logs from elsewhere brought into the write-ahead log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.cli.options import Namespace, Url
from producer.connection.location import locate

if TYPE_CHECKING:
    from producer.importing.importer import Summary

__all__ = ["import_"]


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
    url: Url = None,
    namespace: Namespace = None,
) -> None:
    """Import the Rust engine's wal.jsonl, or JSON Lines of operations.

    Importing a file again, or a longer or mended copy of it later, adds only what is new. Exits with 1 if a line was
    bad: it is reported and skipped, the rest is imported.
    """
    from producer.cli.progress import progress_bar
    from producer.connection.client import client_of
    from producer.importing.importer import Importer
    from producer.importing.log_file import LogFile
    from producer.wal import DEFAULT_NAMESPACE

    logs = [LogFile(path) for path in files]
    if len(logs) > 1:
        # A later part of a log claims all before as acknowledged: what comes behind it would count as a duplicate.
        logs.sort(key=LogFile.place)
    bad = 0
    client, _ = client_of(locate(url, os.environ))
    with closing(client):
        importer = Importer(client, namespace or DEFAULT_NAMESPACE, dry_run=dry_run, patience=patience)
        for log in logs:
            with progress_bar(str(log.path), log.size) as progress:
                summary = importer.add(log, progress)
            bad += len(summary.bad)
            for number, reason in sorted(summary.bad.items()):
                typer.echo(f"producer: {log.path}, line {number}: {reason}", err=True)
            typer.echo(f"{log.path}: {_told(summary, dry_run)}")
            for remark in _remarks(summary):
                typer.echo(f"{log.path}: {remark}")
        if importer.silence is not None:
            typer.echo(f"producer: not known how many are duplicates: {importer.silence}", err=True)
    if bad:
        raise typer.Exit(1)


def _told(summary: Summary, dry_run: bool) -> str:
    """The counts of one file, in a line."""
    count = summary.operations if dry_run else summary.appended
    parts = [_lines(summary.lines), f"{count:,} {'operations to append' if dry_run else 'appended'}"]
    if summary.duplicates:
        parts[-1] += f", {summary.operations - summary.duplicates:,} of them new ({summary.duplicates:,} duplicates)"
    if summary.skipped:
        kinds = ", ".join(f"{kind!r} {number:,}" for kind, number in summary.skipped.most_common())
        parts.append(f"{summary.skipped.total():,} of other types skipped ({kinds})")
    parts.append(f"{len(summary.bad):,} bad")
    return ", ".join(parts)


def _remarks(summary: Summary) -> Iterator[str]:
    """What the counts mean, where that is not plain."""
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


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"
