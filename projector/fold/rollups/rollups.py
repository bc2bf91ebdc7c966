"""The rollups of a history: what the rules count as they go, brought into the buckets when a commit needs them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from projector.entry_id import milliseconds_of
from projector.fold.histogram import coarse_bucket_of
from projector.fold.rollups.buckets import Buckets
from projector.fold.rollups.rollup import Rollup
from projector.keys import Keys
from projector.records import OTHER, ActionExecutionRecord

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_FEW = 50
ALL = ""
"""The name, in `minutes` and `hours`, of the rollup of all actions together. No action has it."""


class _Minute:
    """The runs of one minute that are not yet in the buckets, by action in the order in which they came first."""

    __slots__ = ("ends", "others")

    def __init__(self) -> None:
        self.ends: defaultdict[str, list[int]] = defaultdict(list)
        """The duration of each run that has one, and of one that failed `~duration`."""
        self.others: list[ActionExecutionRecord] = []

    def take(self, records: Iterable[ActionExecutionRecord]) -> None:
        ends = self.ends
        for record in records:  # every run that ends comes here
            own, duration = ends[record.action_id], record.duration_ms
            if duration is None:
                self.others.append(record)
            else:
                own.append(duration if record.success else ~duration)


class Rollups:
    """Of all actions together by minutes and hours, and of each action by hours and days.

    `count` keeps a few records, because what dies young costs less, and of the others what the rollups need. `settle`
    adds that to the buckets, whose `unknown` rows a loader has loaded. Settle before each commit, and before anybody
    looks at the buckets.
    """

    def __init__(self) -> None:
        self.minutes = Buckets(_MINUTE, 360)
        self.hours = Buckets(_HOUR, 336)
        self.action_hours = Buckets(_HOUR, 336)
        self.action_days = Buckets(_DAY, 400)
        self._of_actions = (self.action_hours, self.action_days)
        self._all = (self.minutes, self.hours, *self._of_actions)
        self._records: list[ActionExecutionRecord] = []
        self._waiting: dict[int, _Minute] = {}  # by the minute's start

    def count(self, record: ActionExecutionRecord) -> None:
        """Count a run that ended or was presumed dead, by the time of its record's entry, which is the latest."""
        self._records.append(record)
        if len(self._records) >= _FEW:
            self._sort()

    def settle(self, last_id: str) -> None:
        """Add all that was counted to the buckets, and bring their clock to the entry `last_id`."""
        self._sort()
        for start, minute in self._waiting.items():
            for buckets in self._all:
                buckets.advance(start)
            self._add(minute)
        self._waiting = {}
        if last_id:
            for buckets in self._all:
                buckets.advance(milliseconds_of(last_id))

    def _sort(self) -> None:
        """Take the records that were kept to their minutes."""
        records, self._records = self._records, []
        if records:
            first, last = _minute_of(records[0]), _minute_of(records[-1])
            for start, inside in [(first, records)] if first == last else groupby(records, _minute_of):
                if start not in self._waiting:
                    self._waiting[start] = _Minute()
                self._waiting[start].take(inside)

    def _add(self, minute: _Minute) -> None:
        """Add the runs of a minute to the buckets in which it is."""
        hours, days = self.action_hours, self.action_days
        of_all = self.minutes.row(ALL), self.hours.row(ALL)
        others: list[int] = []  # together, because with many actions nearly all count there
        for name, ends in minute.ends.items():
            if hours.counts_apart(name) or days.counts_apart(name):
                _count(ends, (hours.row(name), days.row(name), *of_all))
            else:
                others += ends
        if others:
            _count(others, (hours.row(OTHER), days.row(OTHER), *of_all))
        for record in minute.others:
            for row in (*of_all, hours.row(record.action_id), days.row(record.action_id)):
                row.count_without_duration(record)

    def of_all(self, keys: Keys) -> tuple[tuple[bytes, Buckets], ...]:
        """The buckets of all actions together; each is a field, by its start, of one hash."""
        return (keys.history_minutes, self.minutes), (keys.history_hours, self.hours)

    def of_actions(self, keys: Keys) -> tuple[tuple[Callable[[int], bytes], Buckets], ...]:
        """The buckets of each action; the rows of each bucket are a hash, whose key its start gives."""
        return (keys.history_hour, self.action_hours), (keys.history_day, self.action_days)

    def committed(self, *, forget: bool) -> None:
        """Take note that a commit has written all changes; `forget` the buckets that no later entry changes."""
        for buckets in self._all:
            buckets.committed(forget=forget)

    def unknown(self, keys: Keys) -> Iterator[tuple[bytes, Buckets, list[str]]]:
        """What `settle` asks for and nobody has loaded, by key: the names of rows in the bucket of each clock."""
        for key_of, buckets in self.of_actions(keys):
            if buckets.whole or buckets.start is None:
                continue
            end = buckets.start + buckets.step
            self._sort()
            asked = {name: None for start, minute in self._waiting.items() if start < end for name in minute.ends}
            if asked:
                yield key_of(buckets.start), buckets, [*asked, OTHER]


def _count(ends: list[int], rows: Iterable[Rollup]) -> None:
    """Count runs as `_Minute.ends` has them."""
    if not ends:
        return
    failures = 0
    if min(ends) < 0:
        failures = sum(end < 0 for end in ends)
        ends = [end if end >= 0 else ~end for end in ends]
    bounds = [*map(coarse_bucket_of, ends)]
    for row in rows:
        row.count(ends, bounds, failures)


def _minute_of(record: ActionExecutionRecord) -> int:
    milliseconds = milliseconds_of(record.entry_id)
    return milliseconds - milliseconds % _MINUTE
