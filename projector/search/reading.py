"""The reading of records from the log backwards, from where a list of the projection ends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Generic, TypeVar

from producer.log import Call, Log
from projector.archive.archive import Archive
from projector.entry_id import milliseconds_of
from projector.records import ActionExecutionRecord, CleanupRecord, of_namespace
from projector.search.joined import Gathering
from projector.search.walk import PAGE, extent_of, reckoned
from projector.trail import Trail

_R = TypeVar("_R", bound=ActionExecutionRecord | CleanupRecord)


class Reading(Generic[_R]):
    """Up to `limit` records (None: all) of what was written from `since` on and before `before`, epoch ms by the
    server's clock (None: to the end), which `gathering` gathers. `progress` is told how many entries were looked at,
    and how many there are, judged by their times."""

    def __init__(
        self,
        namespace: str,
        gathering: Gathering[_R],
        *,
        archive: Archive | None,
        since: int,
        before: int | None,
        limit: int | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._namespace = namespace
        self._gathering = gathering
        self._archive = archive
        self._since = since
        self._cursor = "" if before is None else f"{before}-0"
        self._limit = limit
        self._progress = progress
        self._scanned = 0
        self._ends: tuple[int, int] | None = None
        self.done = False
        self.records: list[_R] = []
        self.reaches: int | None = None
        """Since when all are there (epoch ms), if some may be missing after `since`; None if none are."""

    def step(self, call: Call) -> None:
        """Read a page. `call` sends one command. Raises what `Trail` raises."""
        log = Log(call, self._namespace)
        page = Trail(log, self._archive).before(self._cursor, PAGE)
        first_ms, gone = extent_of(log, self._archive) if len(page) < PAGE else (0, 0)
        wanted = [entry for entry in page if milliseconds_of(entry[0].decode()) >= self._since]
        self._gathering.add(wanted, wanted=True)
        self._gathering.add(page[len(wanted) :], wanted=False)
        if page:
            self._cursor = page[-1][0].decode()
            if self._progress:
                self._ends = self._ends or (extent_of(log, self._archive)[0], milliseconds_of(page[0][0].decode()))
                self._scanned += len(page)
                first, last = max(self._since, self._ends[0]), self._ends[1]
                done_ms = last - milliseconds_of(self._cursor)
                self._progress(self._scanned, reckoned(self._scanned, done_ms, last - first))
        stands = milliseconds_of(self._cursor or "0-0")
        if len(page) < PAGE:
            self.reaches = first_ms + 1 if gone and self._since <= first_ms else None
            self.done = True
        elif stands < self._since and stands < self._gathering.earliest:
            self.done = True
        if self.done:
            self._gathering.finish()
            self.records = list(self._gathering.records())
        elif self._limit is not None:
            self.records = list(islice(self._gathering.records(), self._limit + 1))
        if self._limit is not None and len(self.records) > self._limit:
            self.reaches = milliseconds_of(self.records[self._limit].entry_id) + 1
            self.records = self.records[: self._limit]
            self.done = True
        if self.done:
            for record in self.records:
                of_namespace(record, self._namespace)
