"""The one reader of the whole log: the archive, and the stream behind it.

An archiver and a trim may be at work meanwhile, so that entries leave the stream between two pages; they are in the
archive before. So the trail asks the stream for a page onwards together with the entry before it. Where that one is
gone, others may be as well, and the trail looks into the archive anew. A page backwards begins in the stream, which
at one instant lacks nothing but what is archived by then.
"""

from __future__ import annotations

from producer.log import Entry, Log
from projector.archive.archive import Archive
from projector.entry_id import order_of


class Trail:
    """The entries of `archive`, and behind them those of `log`; without an archive those of `log` alone.

    Every method raises what `log` does, and ArchiveUnavailable and ArchiveDamaged.
    """

    def __init__(self, log: Log, archive: Archive | None = None) -> None:
        self._log = log
        self._archive = archive

    def after(self, entry_id: str, count: int, *, last: str = "+") -> list[Entry]:
        """The first `count` entries behind `entry_id` (empty: from the beginning), none of them behind `last`."""
        if self._archive is None:
            return self._log.after(entry_id, count, last=last)
        found = self._archive.after(entry_id, count, last=last)
        stands = found[-1][0].decode() if found else entry_id
        if len(found) == count or stands == last:
            return found
        page = self._log.from_(stands, count - len(found) + 1, last=last)
        if page and page[0][0].decode() == stands:
            return found + page[1:]
        self._archive.refresh()
        if self._archive.after(stands, 1, last=last):
            return found + self.after(stands, count - len(found), last=last)
        return found + page[: count - len(found)]

    def before(self, entry_id: str, count: int, *, first: str = "-") -> list[Entry]:
        """The last `count` entries before `entry_id` (empty: to the end), newest first, none before `first`."""
        found = self._log.newest(count, before=entry_id, first=first)
        archive = self._archive
        if archive is None or len(found) == count:
            return found
        stands = found[-1][0].decode() if found else entry_id
        if not (stands and archive.last_id and order_of(stands) <= order_of(archive.last_id)):
            archive.refresh()  # what was before it may have been archived and trimmed since
        return found + archive.before(stands, count - len(found), first=first)

    def entry(self, entry_id: str) -> list[bytes] | None:
        """The names and values of one entry; None where it is not there."""
        found = self._log.entry(entry_id)
        if found is None and self._archive is not None:
            if self._archive.number_of(entry_id) is None:
                self._archive.refresh()
            found = self._archive.entry(entry_id)
        return found
