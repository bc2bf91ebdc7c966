"""`projector archive once`: archive by hand what `projector run --archive` archives by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from producer.terminal.options import Json, Log, LogAddress
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write, write_json
from producer.text.wording import counted
from projector.cli.options import ArchiveOption, SignKey

if TYPE_CHECKING:
    from projector.archive.archive import Archive


def once(
    archive: ArchiveOption = None,
    sign_key: SignKey = None,
    as_json: Json = False,
    *,
    log: Log,
) -> None:
    """Archive what is projected and not yet archived, and end.

    Safe beside a projector that archives to the same place. Can be broken off and started again.

    Example: projector archive once --archive /var/backups/wal
    """
    from producer.connection.client import using_client
    from projector.archive.archiver import Archiver
    from projector.archive.signature import Signer
    from projector.snapshot import Snapshots

    with using_client(log.location.url, log.namespace) as client, progress_bar("Archiving") as progress:
        signer = Signer(sign_key) if sign_key else None
        archiver = Archiver(client, opened(archive, log), signer=signer)
        archived = archiver.once(progress)
        Snapshots(archiver.archive.place).take_if_due(archiver.archive, archiver.bounds)
    if as_json:
        from projector.documents import document

        write_json(document("archive-once", archived))
    elif not archived.last_id:
        write("nothing is projected yet, so nothing was archived\n")
    else:
        done = f"archived {counted(archived.entries, 'entry')} in {counted(archived.segments, 'segment')}"
        ends = f"the archive ends at entry {archived.last_id}, its head is {archived.head}"
        write(f"{done if archived.entries else 'all was archived before'}; {ends}\n")


def opened(archive: str | None, log: LogAddress) -> Archive:
    """The archive, which these commands cannot do without."""
    from projector.archive.archive import Archive

    if not archive:
        raise typer.BadParameter("name the archive: a directory or a URL; or set WAL_ARCHIVE", param_hint="--archive")
    return Archive.at(archive, log.namespace)
