"""`projector restore`: log and projection on a new server, from the archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from producer.terminal.stdout import write
from producer.text.wording import counted
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.archive.names import archived_names
from projector.cli.archive.once import named, opened
from projector.cli.options import ArchiveOption, BoundOptions, RetentionOptions
from projector.cli.partitions.each import Each, bar_of
from projector.errors import command_for

if TYPE_CHECKING:
    from projector.bounds import Bounds
    from projector.restore import Restored
    from projector.retention import Retention

_NEXT = (
    "next: start the projectors with the same bounds and --archive, then the producers; what they had recorded "
    "after that entry, and no longer have, shows as missing\n"
)


def restore(archive: ArchiveOption = None, *, log: Logs, bounds: BoundOptions, retention: RetentionOptions) -> None:
    """Make log and projection anew on an empty server, from the archive.

    The log gets its newest entries under their old ids, of a week unless told otherwise. Stop producers and
    projectors before. Can be broken off and started again. Of a namespace with partitions, every one that is
    archived is restored, and their number.

    Example: projector restore --archive /var/backups/wal --retain 7d
    """
    where = named(archive)
    names = archived_names(log, where)
    act = partial(_restored, log, names, where, bounds, retention)
    if len(names) == 1:
        write(_report(act(names[0])) + _NEXT)
        return
    each = Each(names, act)
    each.tell(lambda done, _: _report(done))
    if not each.failed:
        for told in _numbers(log, names):
            write(told)
    write(each.summary("restored", "", "not restored") + _NEXT)
    each.exit()


def _restored(
    log: LogAddresses, names: list[str], where: str, bounds: Bounds, retention: Retention, name: str
) -> Restored:
    from projector.restore import restore as restore_archive
    from projector.retention.retention import WEEK_MS, Retention

    with bar_of("Restoring", name, names) as progress:
        return restore_archive(
            opened(where, name),
            log.location.url,
            bounds=bounds,
            retention=retention if retention.trims else Retention(age_ms=WEEK_MS),
            progress=progress,
        )


def _numbers(log: LogAddresses, names: Sequence[str]) -> Iterator[str]:
    """Write down how many partitions each namespace has of which some were restored, if the server does not know."""
    from producer.partitions.naming import partition_of
    from projector.decisions.repartition import repartition
    from projector.namespaces.whole import number_of, whole_of

    most: dict[str, int] = {}
    for name in names:
        if (whole := whole_of(name)) and whole in log.namespace:
            most[whole] = max(most.get(whole, 0), number_of(name) + 1)
    for whole, number in most.items():
        if partition_of(whole, 0) not in log.found():
            repartition(log.location.url, whole, number)
            cure = command_for(whole, "repartition N")
            yield f"{whole} has {counted(number, 'partition')}, as far as they are archived; if it had more: {cure}\n"


def _report(done: Restored) -> str:
    state = "restored before" if done.before else "restored"
    return (
        f"{state}: the projection stands at {done.last_id}, {counted(done.entries, 'entry')}; "
        f"the log holds the newest {done.kept:,}\n"
    )
