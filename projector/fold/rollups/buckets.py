"""The buckets of one step of time: rollups by name, of which the log's clock lets only the last bucket change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from projector.fold.rollups.rollup import Rollup, of_json, to_json
from projector.fold.table import NotLoaded
from projector.records import OTHER

MAX_NAMES = 1000
"""Names of actions that a bucket counts one by one, those that came first; the rest are counted under OTHER."""


class Buckets:
    """The last `kept` buckets of `step` ms. A bucket is known by its start, in epoch ms, and has its rollups by name.

    Buckets begun empty are whole in memory. Those that stand for a projection in Redis hold, of the bucket at which
    the projection stands, the rows that were loaded, and of earlier ones none. A commit writes `changes` and deletes
    `expired`; then all buckets but the last are forgotten.
    """

    def __init__(self, step: int, kept: int) -> None:
        self.step = step
        self.kept = kept
        self.start: int | None = None
        """The bucket of the entry at which the history stands; None before the first entry."""
        self._rows: dict[str, Rollup] = {}
        self._changed: dict[str, None] = {}
        self._closed: dict[int, dict[str, bytes]] = {}
        self._committed: int | None = None  # where the latest commit stood
        self._elsewhere = 0  # rows of the bucket `start` that only Redis has
        self._known: set[str] | None = None  # the names whose rows were asked for; None: all

    def advance(self, milliseconds: int) -> None:
        """Bring the clock to the time of an entry: close the bucket that has ended, drop those that have expired."""
        start = self.start_of(milliseconds)
        if start == self.start:
            return
        if self.start is not None:
            if self._rows:
                self._closed[self.start] = {name: to_json(row) for name, row in self._rows.items()}
            for expired in self._between(self.start, start):
                self._closed.pop(expired, None)
        self.start = start
        self._rows, self._changed, self._elsewhere, self._known = {}, {}, 0, None

    def start_of(self, milliseconds: int) -> int:
        """The bucket that an entry of this time falls into."""
        return milliseconds - milliseconds % self.step

    def row(self, name: str) -> Rollup:
        """The row in which `name` counts, in the bucket at which the clock stands, to be changed in place."""
        row = self._rows.get(name)
        if row is None:
            name = self._name_for(name)
            row = self._rows.get(name)
            if row is None:
                row = self._rows[name] = Rollup()
        self._changed[name] = None
        return row

    def counts_apart(self, name: str) -> bool:
        """Whether `name` counts in a row of its own."""
        return name in self._rows or self._name_for(name) != OTHER

    def _name_for(self, name: str) -> str:
        """The name under which a name without a row counts."""
        if self._known is not None and name not in self._known:
            raise NotLoaded(name)
        full = len(self._rows) + self._elsewhere - (OTHER in self._rows) >= MAX_NAMES
        return OTHER if full else name

    def changes(self) -> Iterator[tuple[int, Iterable[tuple[str, bytes]]]]:
        """By bucket the rows that the next commit has to write."""
        for start, rows in self._closed.items():
            yield start, rows.items()
        if self._changed and self.start is not None:
            yield self.start, ((name, to_json(self._rows[name])) for name in self._changed)

    def expired(self) -> Iterable[int]:
        """The buckets that the next commit has to delete, where Redis has them."""
        return () if self._committed is None or self.start is None else self._between(self._committed, self.start)

    def committed(self, *, forget: bool) -> None:
        """Take note that a commit has written all changes; `forget` what no later entry changes."""
        self._committed = self.start
        self._changed = {}
        if forget:
            self._closed = {}

    def starts(self) -> list[int]:
        """The buckets that hold something, the oldest first."""
        return [*self._closed, *([self.start] if self._rows and self.start is not None else [])]

    def kept_starts(self) -> range:
        """Every bucket that may hold something, the oldest first."""
        if self.start is None:
            return range(0)
        return range(max(0, self.start - (self.kept - 1) * self.step), self.start + 1, self.step)

    def contents(self, start: int) -> dict[str, bytes]:
        """The bucket's rows as JSON; none for a bucket that holds nothing."""
        if self._elsewhere:
            raise NotLoaded(f"all rows of bucket {self.start}")
        if start == self.start:
            return {name: to_json(row) for name, row in self._rows.items()}
        return self._closed.get(start, {})

    def _between(self, before: int, now: int) -> range:
        """The buckets that were kept when the clock stood at `before`, and are not any more."""
        oldest = max(0, before - (self.kept - 1) * self.step)
        return range(oldest, min(now - (self.kept - 1) * self.step, before + self.step), self.step)

    # -- what a loader does --

    def unload(self, milliseconds: int, size: int) -> None:
        """Stand at the time of an entry, for a bucket with `size` rows in Redis, none of them loaded."""
        self.advance(milliseconds)
        self._committed, self._elsewhere = self.start, size
        self._known = set() if size else None

    @property
    def whole(self) -> bool:
        """Whether every row of the bucket at which the clock stands is in memory."""
        return self._known is None

    def load(self, rows: Mapping[str, bytes | None], *, whole: bool) -> None:
        """Take `rows` of the bucket at which the clock stands (None: absent); they are all there are if `whole`.
        Raises ValueError for JSON that is no rollup."""
        for name, raw in rows.items():
            if raw is not None and name not in self._rows:
                self._rows[name] = of_json(raw)
                self._elsewhere -= 1
        if whole:
            self._known, self._elsewhere = None, 0
        elif self._known is not None:
            self._known.update(rows)

    def fill(self, start: int, rows: Mapping[str, bytes]) -> None:
        """Take `rows` for the whole of a bucket, in a history that is whole in memory; the oldest bucket comes first.
        Raises ValueError for JSON that is no rollup."""
        if start == self.start:
            self._rows = {name: of_json(raw) for name, raw in rows.items()}
        else:
            self._closed[start] = dict(rows)
