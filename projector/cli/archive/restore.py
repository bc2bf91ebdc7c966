"""`projector restore`: log and projection on a new server, from the archive."""

from producer.terminal.options import Log
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write
from producer.text.wording import counted
from projector.cli.archive.once import opened
from projector.cli.options import ArchiveOption, BoundOptions, RetentionOptions


def restore(archive: ArchiveOption = None, *, log: Log, bounds: BoundOptions, retention: RetentionOptions) -> None:
    """Make log and projection anew on an empty server, from the archive.

    The log gets its newest entries under their old ids, of a week unless told otherwise. Stop producers and
    projectors before. Can be broken off and started again.

    Example: projector restore --archive /var/backups/wal --retain 7d
    """
    from projector.restore import restore as restore_archive
    from projector.retention.retention import WEEK_MS, Retention

    with progress_bar("Restoring") as progress:
        done = restore_archive(
            opened(archive, log),
            log.location.url,
            bounds=bounds,
            retention=retention if retention.trims else Retention(age_ms=WEEK_MS),
            progress=progress,
        )
    state = "restored before" if done.before else "restored"
    write(
        f"{state}: the projection stands at {done.last_id}, {counted(done.entries, 'entry')}; "
        f"the log holds the newest {done.kept:,}\n"
        "next: start the projectors with the same bounds and --archive, then the producers; what they had recorded "
        "after that entry, and no longer have, shows as missing\n"
    )
