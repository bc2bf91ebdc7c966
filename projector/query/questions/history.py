"""What ran over time: the rollups of all actions together or of one, bucket by bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import cycle
from typing import Any, Literal

from producer.text.moment import datetime_of
from projector.checkpoint import Checkpoint
from projector.connection.exchange import Command
from projector.entry_id import milliseconds_of
from projector.errors import InvalidQuery
from projector.keys import Keys
from projector.query.arguments import Moment, checked_moment, checked_name
from projector.query.histogram import Histogram
from projector.query.parsing import ROLLUPS
from projector.query.questions.question import AtOneInstant, Question
from projector.records import OTHER

HOUR_MS = 3_600_000
WEEK_MS = 7 * 24 * HOUR_MS
Step = Literal["minute", "hour", "day"]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Buckets of `length` ms, of which the projection keeps `most`; a history has `usual` where nobody says since."""

    told: str
    length: int
    most: int
    usual: int


KEPT: dict[str, _Kept] = {
    "minute": _Kept("minutes are kept for 6 hours", 60_000, 360, 60),
    "hour": _Kept("hours are kept for 14 days", HOUR_MS, 336, 24),
    "day": _Kept("days are kept for 400", 24 * HOUR_MS, 400, 7),
}


@dataclass(frozen=True, slots=True)
class Point:
    """What ended in a bucket that begins at `start` (epoch ms) by the log's own time, and how many runs were presumed
    dead in it. Percentiles may be 12.5 % too high; None where no duration is known."""

    start: int
    runs: int
    failures: int
    orphans: int
    duration_ms_sum: int
    duration_ms_max: int
    p50_duration_ms: int | None
    p95_duration_ms: int | None
    durations: Mapping[int, int]
    """A histogram: the inclusive upper bound of a bucket, in ms, and how many runs took that long."""

    @property
    def at(self) -> datetime:
        """`start` in UTC."""
        return datetime_of(self.start)


@dataclass(frozen=True, slots=True)
class History:
    """The points of `action_id` (None: of all actions) from the oldest on, none left out.

    `complete`: nothing is missing of what was asked for. Otherwise `since` (epoch ms) says from when on nothing is;
    None if that cannot be told.
    """

    action_id: str | None
    step: Step
    complete: bool
    since: int | None
    points: list[Point]

    @property
    def runs(self) -> int:
        return sum(point.runs for point in self.points)

    @property
    def failures(self) -> int:
        return sum(point.failures for point in self.points)

    @property
    def orphans(self) -> int:
        return sum(point.orphans for point in self.points)

    @property
    def failure_rate(self) -> float | None:
        """0 to 1; None if nothing ended."""
        return self.failures / self.runs if self.runs else None

    def percentile(self, percent: int) -> int | None:
        """The duration in ms that so many percent (1 to 100) of all these runs did not exceed."""
        return Histogram.merged(histogram_of(point.durations) for point in self.points).percentile(percent)

    def between(self, since: Moment, until: Moment) -> History:
        """The same from `since` on and before `until`, by whole points."""
        first, end = checked_moment("since", since), checked_moment("until", until)
        return replace(self, points=[point for point in self.points if first <= point.start < end])


@dataclass(frozen=True, slots=True)
class Buckets:
    """Which are asked for: those from the one that begins at `wanted`, of which `starts` may be there still."""

    step: Step
    kept: _Kept
    wanted: int
    starts: range

    @property
    def last(self) -> int:
        return self.starts[-1]


def buckets(action_id: str | None, *, since: Moment | None, until: Moment | None, step: Step, now: int) -> Buckets:
    """Whole buckets, by UTC: from the one that `since` lies in to the one before `until`, or that of `now`."""
    kept = _checked_step(step, action_id)
    end = now if until is None else checked_moment("until", until) - 1
    last = end - end % kept.length
    wanted = last - (kept.usual - 1) * kept.length
    if since is not None:
        moment = checked_moment("since", since)
        wanted = moment - moment % kept.length
    if wanted > last:
        raise InvalidQuery("since", "a moment that has come" if until is None else "a moment before until", since)
    return Buckets(
        step, kept, wanted, range(max(wanted, last - (kept.most - 1) * kept.length), last + 1, kept.length)
    )


def history(keys: Keys, action_id: str | None, asked: Buckets) -> Question[History]:
    step, kept, wanted, starts = asked.step, asked.kept, asked.wanted, asked.starts
    commands = _commands(keys, action_id, step, starts)
    found, oldest, *replies = yield AtOneInstant(
        ("HGETALL", keys.checkpoint),
        ("XRANGE", keys.wal, "-", "+", "COUNT", 1),
        *commands,
    )
    stands = Checkpoint.of_hash(found, keys.checkpoint) or Checkpoint()
    found_in = [[raw] for raw in replies[0]] if action_id is None and step != "day" else replies
    whole_from = starts[0]
    if action_id is not None:  # each bucket has its own rollup, and that of the names which came too late for one
        for start, (own, others) in zip(starts, found_in, strict=True):
            if others is not None and (own is None or action_id == OTHER):
                whole_from = start + kept.length
        found_in = [[own] for own, _ in found_in]
    reach = max(starts[0], _kept_from(stands, kept))
    lacks = wanted < reach and not _begins_after(stands, oldest, reach)
    whole_from = max(whole_from, reach if lacks else 0)
    return History(
        action_id=action_id,
        step=step,
        complete=not lacks and whole_from == starts[0],
        since=whole_from if whole_from <= asked.last else None,
        points=[
            _point(start, raws, key)
            for start, raws, key in zip(starts, found_in, cycle(command[1] for command in commands), strict=False)
        ],
    )


def _commands(keys: Keys, action_id: str | None, step: str, starts: Sequence[int]) -> list[Command]:
    """What reads the buckets: one hash has all, or each has a hash with a field for each action."""
    if action_id is None and step != "day":
        return [("HMGET", keys.history_minutes if step == "minute" else keys.history_hours, *starts)]
    hashes = map(keys.history_day if step == "day" else keys.history_hour, starts)
    if action_id is None:
        return [("HVALS", key) for key in hashes]
    return [("HMGET", key, action_id.encode(), OTHER) for key in hashes]


def _checked_step(step: object, action_id: str | None) -> _Kept:
    kept = KEPT.get(step) if isinstance(step, str) else None
    if action_id is not None:
        checked_name("action_id", action_id)
    if kept is None or (step == "minute" and action_id is not None):
        expected = "hour or day for one action" if kept else "minute, hour or day"
        raise InvalidQuery("step", f"{expected} ({'; '.join(each.told for each in KEPT.values())})", step)
    return kept


def _kept_from(stands: Checkpoint, kept: _Kept) -> int:
    """The oldest bucket that has not expired by the log's own time."""
    now = milliseconds_of(stands.last_id or "0-0")
    return now - now % kept.length - (kept.most - 1) * kept.length


def _begins_after(stands: Checkpoint, oldest: Sequence[Any], moment: int) -> bool:
    """Whether the log is known to have had no entry before `moment`."""
    if not stands.last_id:
        return True  # nothing was projected
    if stands.trimmed or stands.lost or not oldest:
        return False
    return milliseconds_of(oldest[0][0].decode()) >= moment


def histogram_of(durations: Mapping[int, int]) -> Histogram:
    return Histogram(durations, steps=8)


def _point(start: int, raws: Sequence[bytes | None], key: bytes) -> Point:
    """The sum of a bucket's rollups."""
    found = [ROLLUPS.read(raw, key) for raw in raws if raw is not None]
    durations: Counter[int] = Counter()
    for rollup in found:
        durations.update(rollup.durations)
    p50, p95 = histogram_of(durations).percentiles(50, 95)
    return Point(
        start=start,
        runs=sum(rollup.runs for rollup in found),
        failures=sum(rollup.failures for rollup in found),
        orphans=sum(rollup.orphans for rollup in found),
        duration_ms_sum=sum(rollup.duration_ms_sum for rollup in found),
        duration_ms_max=max((rollup.duration_ms_max for rollup in found), default=0),
        p50_duration_ms=p50,
        p95_duration_ms=p95,
        durations=dict(durations),
    )
