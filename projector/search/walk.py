"""The walk: what a filter wants of the whole log, page by page, newest or oldest first, or live.

A step that fails has moved nothing and can be taken again: nothing is missed and nothing is repeated, whatever is
archived and trimmed meanwhile.
"""

from __future__ import annotations

from itertools import islice

from producer.log import Call, Log
from producer.text.wording import counted
from projector.archive.archive import Archive
from projector.entry_id import last_before, milliseconds_of, next_to, order_of_any
from projector.errors import InvalidQuery
from projector.search.entry import LogEntry, log_entry_of
from projector.search.filter import Filter
from projector.search.scan import Scan
from projector.trail import Trail

PAGE = 1000
_WAIT = "XREAD BLOCK 500 COUNT 1 STREAMS"
"""Waits half a second for an entry, which is shorter than any client waits for a reply."""


def extent_of(log: Log, archive: Archive | None) -> tuple[int, int]:
    """(the time of the first entry that is there, epoch ms; how many before it are no longer there).

    Raises InvalidQuery for an archive that has nothing of a log from which entries are gone: it is another one.
    """
    facts = log.facts()
    if archive is not None:
        archive.refresh()  # after the look at the log, because what is trimmed from it was archived before
        if archive.count:
            return milliseconds_of(archive.manifest(1).first_id), 0
    if facts is None:
        return 0, 0
    if archive is not None and facts.gone:
        gone = counted(facts.gone, "entry is", "entries are")
        expected = f"where the log is archived, because {gone} no longer in it"
        raise InvalidQuery("archive", expected, f"nothing archived at {archive.place}")
    return milliseconds_of(facts.first_id or next_to(facts.last_id)), facts.gone


def reckoned(scanned: int, done_ms: int, whole_ms: int) -> int:
    """How many entries there are in all, if so many were in the part of the time that is `done_ms` long."""
    return max(scanned, scanned * (whole_ms + 1) // (done_ms + 1))


class Walk:
    """Through the log of `namespace`, and `archive` if there is one, for what `where` wants.

    `since` and `until` are epoch ms by the server's clock, and what was written at `until` is left out. Up to `limit`
    entries (None: all) come newest first, or if `reverse` oldest first. With `follow` the last `limit` come oldest
    first, and then each new one, without end.
    """

    def __init__(
        self,
        namespace: str,
        where: Filter,
        *,
        archive: Archive | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
        reverse: bool = False,
        follow: bool = False,
    ) -> None:
        self.namespace = namespace
        self._archive = archive
        self._scan = Scan(where)
        self._since = since or 0
        self._last = "+" if until is None else last_before(until)
        self._left = limit
        self._backwards = limit is not None if follow else not reverse
        self._cursor: str | None = None
        self._live = False
        self._newest = ""
        self._kept: list[LogEntry] = []
        self.follow = follow
        self.trouble: Exception | None = None
        """Why the last step failed, if it is to be taken again."""
        self.done = False
        """Whether there is nothing more to come."""
        self.gone = 0
        """How many entries may be missing, because they are no longer in the log and no archive was found."""
        self.complete = False
        """Whether all is there that is wanted, once the walk is done: the limit has cut nothing off."""
        self.since: int | None = None
        """Otherwise, newest first: all is there that was written from then on, epoch ms."""
        self.scanned = 0
        """How many entries were looked at."""
        self.expected = 0
        """How many there are to look at, judged by their times."""

    @property
    def begun(self) -> bool:
        """Whether a server has answered."""
        return self._cursor is not None

    @property
    def live(self) -> bool:
        """Whether all that there was has come, so that the next step waits for something new."""
        return self._live

    @property
    def gathers(self) -> bool:
        """Whether what is followed still looks for the last that there were."""
        return self.follow and self._backwards

    @property
    def left(self) -> int | None:
        """How many are wanted still; None: all."""
        return self._left

    @property
    def stands(self) -> str:
        """The entry up to which it has come."""
        return self._cursor or "0"

    def step(self, call: Call, *, wait: bool = True) -> list[LogEntry]:
        """What is wanted of the next page, which may be nothing. `call` sends one command. A live walk waits up to
        half a second for an entry, unless the caller has waited.

        Raises what `Trail` raises.
        """
        log = Log(call, self.namespace)
        trail = Trail(log, self._archive)
        if self._cursor is None:
            self._begin(log, trail)
        cursor = self._cursor or ""
        if self._live and wait:
            call(_WAIT, log.key, self.stands)
        if not self._backwards:
            page = trail.after(cursor, PAGE, last=self._last)
        else:
            page = trail.before(cursor, PAGE, first=f"{self._since}-0") if cursor else []
        found = [log_entry_of(read, self.namespace) for read in islice(self._scan.of_page(page), self._left)]
        self.scanned += len(page)
        if page:
            self._cursor = page[-1][0].decode()
            self._reckon()
        if self._left is not None:
            self._left -= len(found)
        over = len(page) < PAGE or self._left == 0
        if not self.follow:
            self.done, self.complete = over, self._left != 0 and not self.gone
            if found and self._left == 0:
                self.since = found[-1].time + 1 if self._backwards else None
            return found
        if not self._backwards:
            self._live = len(page) < PAGE
            return found
        self._kept += found
        if not over:
            return []
        self._backwards, self._left = False, None
        self._cursor = max(self._newest, last_before(self._since), key=order_of_any)
        return self._kept[::-1]

    def _begin(self, log: Log, trail: Trail) -> None:
        """See what is there, so that the walk ends while others write, and can tell how long it is."""
        first_ms, gone = extent_of(log, self._archive)
        newest = trail.before("", 1) if self._last == "+" else trail.before(next_to(self._last), 1)
        if gone and self._since <= first_ms:
            self.gone, self.since = gone, first_ms + 1
        self._newest = newest[0][0].decode() if newest else ""
        self._ends = max(self._since, first_ms), milliseconds_of(self._newest or "0-0")
        if self._backwards:
            self._cursor = next_to(self._newest) if self._newest else ""
        else:
            self._cursor = last_before(self._since)
            if not self.follow:
                self._last = self._newest or "0-0"

    def _reckon(self) -> None:
        first, last = self._ends
        stands = milliseconds_of(self._cursor or "0-0")
        done = max(0, last - stands if self._backwards else stands - first)
        self.expected = reckoned(self.scanned, done, last - first)
