"""`projector archive once`: archive by hand what `projector run --archive` archives by itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import typer

from producer.terminal.options import Json
from producer.terminal.stdout import write, write_json
from producer.text.wording import counted
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.options import ArchiveOption, SignKey
from projector.cli.partitions.each import Each, bar_of, names_of

if TYPE_CHECKING:
    from projector.archive.archive import Archive
    from projector.archive.archiver import Archived
    from projector.archive.signature import Signer


def once(
    archive: ArchiveOption = None,
    sign_key: SignKey = None,
    as_json: Json = False,
    *,
    log: Logs,
) -> None:
    """Archive what is projected and not yet archived, and end.

    Safe beside a projector that archives to the same place. Can be broken off and started again. Of several
    namespaces, or partitions, each has an archive of its own there.

    Example: projector archive once --archive /var/backups/wal
    """
    from projector.archive.signature import Signer

    where = named(archive)
    names = names_of(log)
    act = partial(_archived, log, names, where, Signer(sign_key) if sign_key else None)
    if len(names) > 1:
        _archive_each(Each(names, act), as_json=as_json)
        return
    archived = act(names[0])
    if as_json:
        from projector.documents import document

        write_json(document("archive-once", archived))
    else:
        write(_report(archived))


def _archived(log: LogAddresses, names: list[str], where: str, signer: Signer | None, name: str) -> Archived:
    from producer.connection.client import using_client
    from projector.archive.archive import Archive
    from projector.archive.archiver import Archiver
    from projector.snapshot import Snapshots

    with using_client(log.location.url, name) as client, bar_of("Archiving", name, names) as progress:
        archiver = Archiver(client, Archive.at(where, name), signer=signer)
        archived = archiver.once(progress)
        Snapshots(archiver.archive.place).take_if_due(archiver.archive, archiver.bounds)
    return archived


def _archive_each(each: Each[Archived], *, as_json: bool) -> None:
    found = each.tell(
        lambda archived, _: _report(archived), document="archive-once" if as_json else "", word="archived"
    )
    if not as_json:
        entries = counted(sum(one.entries for one in found), "entry")
        segments = counted(sum(one.segments for one in found), "segment")
        write(each.summary("archived", "", "not archived", f", {entries} in {segments} now"))
    each.exit()


def _report(archived: Archived) -> str:
    if not archived.last_id:
        return "nothing is projected yet, so nothing was archived\n"
    done = f"archived {counted(archived.entries, 'entry')} in {counted(archived.segments, 'segment')}"
    ends = f"the archive ends at entry {archived.last_id}, its head is {archived.head}"
    return f"{done if archived.entries else 'all was archived before'}; {ends}\n"


def named(archive: str | None) -> str:
    """Where the archive is, which these commands cannot do without."""
    if not archive:
        raise typer.BadParameter("name the archive: a directory or a URL; or set WAL_ARCHIVE", param_hint="--archive")
    return archive


def opened(archive: str | None, namespace: str) -> Archive:
    """The archive of `namespace`, which these commands cannot do without."""
    from projector.archive.archive import Archive

    return Archive.at(named(archive), namespace)
