"""Statistics: of actions with the percentiles of their durations, of scanners, and the totals."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal, get_args

import orjson

from projector.connection.exchange import Command
from projector.entry_id import order_of_any
from projector.errors import InvalidQuery, damaged
from projector.keys import Keys
from projector.query.arguments import checked_limit, checked_name
from projector.query.histogram import Histogram
from projector.query.overview import Running, beside_usual
from projector.query.parsing import ACTION_FIELDS, action_stats_of, name_in, scanner_stats_of, totals_of
from projector.query.questions.lists import started
from projector.query.questions.question import AtOneInstant, Each, Question
from projector.query.results import ActionStats, ScannerStats, Totals

Sort = Literal["recency", "failures", "rate", "slowness", "volume"]
"""By the latest activity; the most failures and runs presumed dead; the lowest success rate; the highest p95; the
most runs that ended."""

_RANKS: dict[str, Callable[[ActionStats], float]] = {
    "recency": lambda _: 0,  # they come in this order
    "failures": lambda stats: -(stats.failures + stats.orphaned),
    "rate": lambda stats: 2 if (rate := _success_rate(stats)) is None else rate,
    "slowness": lambda stats: 1 if stats.p95_duration_ms is None else -stats.p95_duration_ms,
    "volume": lambda stats: -stats.total_executions,
}


def action_stats(keys: Keys, action_id: str, *, failures_only: bool = False) -> Question[ActionStats]:
    key = keys.action(checked_name("action_id", action_id))
    taken = keys.failure_durations(action_id) if failures_only else keys.durations(action_id)
    raws, histogram, runs = yield AtOneInstant(
        ("HMGET", key, *ACTION_FIELDS), ("HGETALL", taken), ("HVALS", keys.in_flight)
    )
    stats = action_stats_of(action_id, raws, key, running=_running(runs, keys.in_flight)[action_id])
    return _reckoned(stats, Histogram.of_hash(histogram, taken))


def actions(keys: Keys, *, sort: Sort, limit: int | None) -> Question[list[ActionStats]]:
    """In three round trips for a thousand actions: names, statistics, histograms of those that are shown."""
    if sort not in get_args(Sort):
        raise InvalidQuery("sort", f"one of {', '.join(get_args(Sort))}", sort)
    limit = checked_limit(limit)
    members, runs = yield AtOneInstant(("ZREVRANGE", keys.actions, 0, -1), ("HVALS", keys.in_flight))
    running = _running(runs, keys.in_flight)
    names = [name_in(member, keys.actions) for member in members]
    commands: list[Command] = [("HMGET", keys.action(name), *ACTION_FIELDS) for name in names]
    replies = yield Each(*commands)
    # A hash is empty if it was evicted since the names were read.
    found = [
        action_stats_of(name, raws, keys.action(name), running=running[name])
        for name, raws in zip(names, replies, strict=True)
        if any(raws)
    ]
    found.sort(key=lambda stats: order_of_any(stats.last_entry_id), reverse=True)
    if sort != "slowness":
        found = sorted(found, key=_RANKS[sort])[:limit]
    histograms = yield from durations(keys, [stats.action_id for stats in found], failures_only=False)
    found = [_reckoned(stats, histograms[stats.action_id]) for stats in found]
    return sorted(found, key=_RANKS[sort])[:limit]


def durations(keys: Keys, action_ids: Iterable[str], *, failures_only: bool) -> Question[dict[str, Histogram]]:
    key_of = keys.failure_durations if failures_only else keys.durations
    of = {name: key_of(name) for name in sorted({checked_name("action_ids", one) for one in action_ids})}
    replies = yield Each(*[("HGETALL", key) for key in of.values()])
    return {name: Histogram.of_hash(found, of[name]) for name, found in zip(of, replies, strict=True)}


def duration_percentiles(keys: Keys, action_ids: Iterable[str], percent: int) -> Question[dict[str, int]]:
    histograms = yield from durations(keys, action_ids, failures_only=False)
    found = ((name, histogram.percentile(percent)) for name, histogram in histograms.items())
    return {name: duration for name, duration in found if duration is not None}


def running(keys: Keys, limit: int | None) -> Question[list[Running]]:
    records = (yield from started(keys.in_flight))[: checked_limit(limit)]
    usual = yield from duration_percentiles(keys, (record.action_id for record in records), 95)
    return beside_usual(records, usual, now=int(time.time() * 1000))


def scanner_stats(keys: Keys, scanner_id: str) -> Question[ScannerStats]:
    key = keys.scanner(checked_name("scanner_id", scanner_id))
    (found,) = yield AtOneInstant(("HGETALL", key))
    return scanner_stats_of(scanner_id, found, key)


def scanners(keys: Keys) -> Question[list[ScannerStats]]:
    (members,) = yield AtOneInstant(("ZREVRANGE", keys.scanners, 0, -1))
    names = [name_in(member, keys.scanners) for member in members]
    replies = yield Each(*[("HGETALL", keys.scanner(name)) for name in names])
    hashes = zip(names, replies, strict=True)
    found = [scanner_stats_of(name, fields, keys.scanner(name)) for name, fields in hashes if fields]
    return sorted(found, key=lambda stats: order_of_any(stats.last_entry_id), reverse=True)


def totals(keys: Keys) -> Question[Totals]:
    (found,) = yield AtOneInstant(("HGETALL", keys.totals))
    return totals_of(found, keys.totals)


def _success_rate(stats: ActionStats) -> float | None:
    return stats.successes / stats.total_executions if stats.total_executions else None


_RECKONED = ("success_rate", *(f"p{percent}_duration_ms" for percent in (50, 90, 95, 99)))


def _reckoned(stats: ActionStats, histogram: Histogram) -> ActionStats:
    """With the success rate, and the percentiles of `histogram`, none of which is longer than the longest run."""
    longest = stats.duration_ms_max
    found = histogram.percentiles(50, 90, 95, 99)
    p50, p90, p95, p99 = (min(each, longest) if each and longest else each for each in found)
    reckoned = (_success_rate(stats), p50, p90, p95, p99)
    for name, value in zip(_RECKONED, reckoned, strict=True):
        # In place, because nobody else has seen `stats` yet: `replace` takes a quarter of the time of `actions`.
        object.__setattr__(stats, name, value)
    return stats


def _running(raws: Iterable[bytes], key: bytes) -> Counter[str]:
    """How many runs of each action stand in the table under `key`."""
    try:
        return Counter(orjson.loads(raw)["action_id"] for raw in raws)
    except (ValueError, LookupError, TypeError) as error:
        raise damaged(key, "no InFlightRecord") from error
