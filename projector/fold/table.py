"""A bounded table of the history: rows by key, in the order in which entries touched them last."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar, cast

_V = TypeVar("_V")


class NotLoaded(Exception):
    """The fold asked for a row that nobody loaded."""


class Table(Generic[_V]):
    """Rows by key, at most `bound`. A row beyond it evicts the row touched least recently, and `evicted` counts that.

    A table begun empty is whole in memory. One that stands for a projection in Redis holds the rows that were
    loaded (None for a key known to be absent) and, once `order` was loaded, the keys of all rows. Before that it can
    hold the head of the order, from which it evicts. All give the same answers, because a table raises NotLoaded
    rather than guess.

    The next commit has to delete the rows `dropped`, then to write the rows `changed`. A row that came and went
    between two commits is in neither.
    """

    __slots__ = ("_fresh", "_head", "bound", "changed", "dropped", "evicted", "order", "rows", "size")

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.size = 0
        self.evicted = 0
        self.rows: dict[str, _V | None] = {}
        # An OrderedDict, because each removal of a dict's oldest key leaves a hole that the next one walks over.
        self.order: OrderedDict[str, None] | None = OrderedDict()
        self._head: OrderedDict[str, None] = OrderedDict()  # how the order begins, while `order` is not loaded
        self.changed: dict[str, None] = {}
        self.dropped: dict[str, None] = {}
        self._fresh: set[str] = set()  # rows of `changed` that came since the last commit

    def get(self, key: str) -> _V | None:
        row = self.rows.get(key)
        if row is None and (key in self.order if self.order is not None else key not in self.rows):
            raise NotLoaded(key)
        return row

    def put(self, key: str, row: _V) -> str | None:
        """Set the row, as the row touched last; the key that it evicts, if any."""
        if self.touch(key) is None:
            return self.add(key, row)
        self.rows[key] = row
        return None

    def add(self, key: str, row: _V) -> str | None:
        """Put a row whose key is known to be new, whatever is loaded; the key that it evicts, if any."""
        self.rows[key] = row
        self.changed[key] = None
        if self.order is not None:
            self.order[key] = None
        self._fresh.add(key)
        self.size += 1
        return self._evict() if self.size > self.bound else None

    def touch(self, key: str) -> _V | None:
        """The row, to be changed in place, which is now the row touched last; None if there is none."""
        row = self.rows.get(key)
        if row is None:
            return self.get(key)  # which tells an absent row from an unloaded one
        self.changed[key] = None
        if self.order is not None:
            self.order.move_to_end(key)
        else:
            self._head.pop(key, None)
        return row

    def change(self, key: str) -> _V | None:
        """The row, to be changed in place, which keeps its place in the order; None if there is none."""
        row = self.get(key)
        if row is not None:
            self.changed[key] = None
        return row

    def pop(self, key: str) -> _V | None:
        """Take the row out; None if there is none."""
        row = self.get(key)
        if row is not None:
            self.drop(key)
        return row

    def drop(self, key: str) -> None:
        """Take out a row that is there."""
        self.size -= 1
        self.changed.pop(key, None)
        if key in self._fresh:
            self._fresh.remove(key)
        else:
            self.dropped[key] = None
        if self.order is None:
            self.rows[key] = None
            self._head.pop(key, None)
        else:
            del self.order[key]
            self.rows.pop(key, None)

    def changes(self) -> Iterator[tuple[str, _V]]:
        """The rows to write."""
        rows = cast(dict[str, _V], self.rows)  # a row that changed is there
        return zip(self.changed, map(rows.__getitem__, self.changed), strict=True)

    def _evict(self) -> str:
        oldest = self._head if self.order is None else self.order
        if not oldest:
            raise NotLoaded("the order of eviction")
        self.evicted += 1
        key = next(iter(oldest))
        self.drop(key)
        return key

    @property
    def oldest(self) -> _V | None:
        """The row touched least recently, of a table that is `whole`; None if there is no row."""
        if self.order is None:
            raise NotLoaded("the order of eviction")
        return self.rows[next(iter(self.order))] if self.order else None

    # -- what a loader does --

    def unload(self, size: int) -> None:
        """Stand for `size` rows in Redis, none of them loaded."""
        self.size = size
        self.rows = {}
        self.order = OrderedDict() if size == 0 else None

    @property
    def whole(self) -> bool:
        """Whether every row is in memory."""
        return self.order is not None and len(self.rows) == len(self.order)

    def knows(self, key: str) -> bool:
        return key in self.rows or (self.order is not None and key not in self.order)

    def load(self, key: str, row: _V | None) -> None:
        self.rows[key] = row

    def load_order(self, keys: Iterable[str]) -> None:
        """Take `keys` for the keys of all rows, the least recently touched first."""
        self.order, self._head = OrderedDict.fromkeys(keys), OrderedDict()
        self.size = len(self.order)
        self.rows = {key: row for key, row in self.rows.items() if row is not None}

    def load_head(self, keys: Iterable[str]) -> None:
        """Take `keys` for those of the rows that come first in the order; there are more rows behind them."""
        self._head = OrderedDict.fromkeys(keys)

    def committed(self) -> None:
        """Take note that a commit has written all changes. Forget absent keys, which would add up."""
        self.changed = {}
        self.dropped = {}
        self._fresh = set()
        if self.order is None:
            self.rows = {key: row for key, row in self.rows.items() if row is not None}
