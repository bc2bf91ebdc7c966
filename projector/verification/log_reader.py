"""The log folded in memory from its beginning, without a consumer group and without writing anything."""

from __future__ import annotations

from collections.abc import Callable

from producer.log import Log
from projector.bounds import Bounds
from projector.entry_id import order_of
from projector.fold.entry import read_entry
from projector.fold.fold import fold
from projector.fold.history import History

_PAGE = 1000


class LogReader:
    """A history that follows the log, of which `lost` entries were deleted before the first that is there.

    Memory is bounded as the projection is, however long the log.
    """

    def __init__(self, log: Log, bounds: Bounds, *, lost: int, progress: Callable[[int], None]) -> None:
        self.history = History(bounds)
        self.history.checkpoint.trimmed = self.history.checkpoint.entries = lost
        self._log = log
        self._progress = progress

    def fold_to(self, entry_id: str) -> None:
        """Fold every entry up to and including `entry_id`; raises ValueError if the history stands beyond it."""
        history = self.history
        while (stands := history.checkpoint.last_id) != entry_id:
            if stands and order_of(stands) > order_of(entry_id):
                raise ValueError(f"cannot go back from {stands} to {entry_id}")
            page = self._log.after(stands, _PAGE, last=entry_id)
            if not page:
                return
            for raw_id, fields in page:
                fold(history, read_entry(raw_id, fields))
            history.changes_seen()
            self._progress(history.checkpoint.entries)
