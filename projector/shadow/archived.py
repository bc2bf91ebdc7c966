"""What a rebuild folds in memory where the log is archived: the archive, and behind it the log as it is now.

Nothing of it can be committed batch by batch, because a commit checks that its batch stands in the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from producer.log import Log
from producer.wal import OP
from projector.archive.archive import Archive
from projector.archive.manifest import sealing_of
from projector.bounds import Bounds
from projector.checkpoint import Checkpoint
from projector.errors import ArchiveDamaged
from projector.fold.fold import fold_page
from projector.fold.history import History
from projector.losses.reckoning import seal_comes_back
from projector.snapshot import Snapshots
from projector.trail import Trail

_PAGE = 4000


def fold_archived(
    archive: Archive,
    log: Log,
    bounds: Bounds,
    stands: Checkpoint | None,
    *,
    append: Callable[[bytes, bytes], object],
    progress: Callable[[int], None],
    clock: Callable[[], float] = time.time,
) -> History:
    """The history after `archive`, which is not empty, and all that the log has behind it; the live projection
    `stands` where it does.

    It stands on an entry that is in the log, so that a commit can go on from there: where none is, `append` gets the
    field and value of one, which says once more how far the archive is. So it does where the log was deleted with the
    archive's end and all that tells of it: else the archiver would take the new log for another's. And where the
    entry that told the projection of that end went with the log: else it would count as lost.
    """
    history, trail = Snapshots(archive.place).history(archive, bounds, progress=progress), Trail(log, archive)
    _fold_on(history, trail, progress)
    newest = archive.newest()
    assert newest is not None
    untold = not history.checkpoint.archive_last_id and log.entry(newest.last_id) is None
    is_gone = log.entry(history.checkpoint.last_id) is None
    if untold or is_gone or seal_comes_back(log, log.facts(), stands, archive):
        append(OP, sealing_of(newest, at=int(clock() * 1000)))
        _fold_on(history, trail, progress)
    return history


def _fold_on(history: History, trail: Trail, progress: Callable[[int], None]) -> None:
    while page := trail.after(history.checkpoint.last_id, _PAGE):
        fold_page(history, page)
        progress(history.checkpoint.entries)
        if len(page) < _PAGE:
            return


def check_is_of(archive: Archive, log: Log, stands: Checkpoint | None, *, old: bool) -> None:
    """Raises ArchiveDamaged if `archive` cannot be the log's, whose projection `stands` where it does.

    The log's last entry at or before the archive's end has to be archived: else the fold would begin behind entries
    that only the log has. Where there is no such entry, the archive has to have the head that the log knows, unless
    it may be an `old` copy.
    """
    number = archive.number_of(stands.archive_last_id) if stands and stands.archive_last_id else None
    where = archive.last_id
    ends = log.newest(1, last=where)
    same = all(archive.entry(entry_id.decode()) == fields for entry_id, fields in ends)
    if stands and stands.archive_last_id and (number or not (ends or old)):
        is_known = number is not None and archive.manifest(number).hash == stands.archive_head
        where, same = where if is_known else stands.archive_last_id, same and is_known
    if not same:
        raise ArchiveDamaged(
            f"the archive at {archive.place} is not this log's: it has another history up to entry {where}; "
            "name this log's archive"
        )
