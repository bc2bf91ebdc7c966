"""Which actions, or scanners, have figures of their own, and what is left for `other`, so that no counter falls.

A counter that falls is taken for one that began anew at zero, and all that it ever counted for new. So a name that
has figures of its own keeps them for as long as the process lives and the projection has them. Where it goes, because
the projection evicts what was touched least recently, its counts are not added to `other`; and where another takes
its place, that one's counts are not taken from `other`. What `other` grows by is therefore right, and what it has in
all is what a new process would say only until that happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

OTHER = "other"
"""What has no figures of its own. What is called so itself counts there, too."""
_RANK_SECONDS = 600.0

Counts = tuple[int, ...]


def _sum(counts: Iterable[Counts], width: int) -> Counts:
    return tuple(map(sum, zip(*counts, strict=True))) or (0,) * width


def _plus(left: Counts, right: Counts, sign: int = 1) -> Counts:
    return tuple(one + sign * other for one, other in zip(left, right, strict=True))


def _highest(left: Counts, right: Counts) -> Counts:
    return tuple(map(max, left, right))


@dataclass(slots=True)
class _Row:
    found: Counts | None = None
    shown: Counts = ()
    had_been_left_out: bool = False


@dataclass(slots=True)
class Ledger:
    """At most `bound` names with their counts, of which there are `width`; the first two are those of ends, which
    only grow."""

    bound: int
    width: int
    monotonic: Callable[[], float] = time.monotonic
    _rows: dict[str, _Row] = field(default_factory=dict)
    _totals: Counts = ()
    _rest: Counts = ()
    _shift: Counts = ()
    _leaves_out: bool = False
    _ranked_at: float | None = None

    @property
    def names(self) -> list[str]:
        """Those that have figures of their own."""
        return [*self._rows]

    def unknown(self, members: Iterable[str]) -> list[str]:
        """Those of `members` that have none yet, if there is room for one."""
        if len(self._rows) >= self.bound:
            return []
        return [name for name in members if name not in self._rows and name != OTHER]

    def should_rank(self) -> bool:
        """Whether it is time to see which of more names than there is room for are to have it."""
        due = self._ranked_at is None or self.monotonic() >= self._ranked_at + _RANK_SECONDS
        return due and len(self._rows) < self.bound

    def ranked(self) -> None:
        """All names have been looked at."""
        self._ranked_at = self.monotonic()

    def take(self, names: Iterable[str]) -> None:
        """Give these figures of their own, as far as there is room."""
        for name in names:
            if len(self._rows) >= self.bound:
                self._leaves_out = True
                return
            self._rows[name] = _Row(had_been_left_out=self._leaves_out and bool(self._rest))

    def settle(self, totals: Counts, found: Mapping[str, Counts]) -> dict[str, Counts]:
        """What is to be shown by name, `other` among them, after `found` was read at the instant of `totals`."""
        if self._totals and sum(totals[:2]) < sum(self._totals[:2]):  # another projection: all begins anew
            self._rest = ()
            for row in self._rows.values():
                row.found, row.shown = None, ()
        self._totals = totals
        if not self._rest:
            self._shift = (0,) * self.width
        for name, row in list(self._rows.items()):
            self._follow(name, row, found.get(name))
        rest = _plus(_plus(totals, _sum(found.values(), self.width), -1), self._shift)
        self._rest = _highest(rest, self._rest or (0,) * self.width)
        return {name: row.shown for name, row in self._rows.items()} | {OTHER: self._rest}

    def _follow(self, name: str, row: _Row, now: Counts | None) -> None:
        before = row.found
        if before is not None and (now is None or sum(now[:2]) < sum(before[:2])):  # evicted, perhaps seen again
            self._shift = _plus(self._shift, before, -1)
            row.shown = ()
        if now is None:
            del self._rows[name]
            return
        if row.had_been_left_out:
            row.had_been_left_out = False
            self._shift = _plus(self._shift, now)
        row.found = now
        # A run that was presumed dead and ends after all is one presumed dead less.
        row.shown = _highest(now, row.shown or now)
