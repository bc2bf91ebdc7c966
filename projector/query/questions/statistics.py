"""Statistics: of actions, the durations of their runs, of scanners, and the totals."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Literal

import orjson

from projector.connection.exchange import Command
from projector.errors import damaged
from projector.keys import Keys
from projector.query.histogram import Histogram
from projector.query.overview import Running, beside_usual
from projector.query.parsing import ACTION_FIELDS, action_stats_of, name_in, scanner_stats_of, totals_of
from projector.query.questions.lists import started
from projector.query.questions.question import AtOneInstant, Each, Question
from projector.query.results import ActionStats, ScannerStats, Totals

Sort = Literal["recency", "failures", "rate", "slowness", "volume"]
"""By the latest activity; the most failures and runs presumed dead; the lowest success rate; the highest p95; the
most runs that ended."""


def action_stats(keys: Keys, action_id: str, *, failures_only: bool) -> Question[tuple[ActionStats, Histogram]]:
    """The statistics of an action, without what is reckoned, and the histogram of which that is."""
    key = keys.action(action_id)
    taken = keys.failure_durations(action_id) if failures_only else keys.durations(action_id)
    raws, histogram, runs = yield AtOneInstant(
        ("HMGET", key, *ACTION_FIELDS), ("HGETALL", taken), ("HVALS", keys.in_flight)
    )
    stats = action_stats_of(action_id, raws, key, running=_running(runs, keys.in_flight)[action_id])
    return stats, Histogram.of_hash(histogram, taken)


def actions(keys: Keys) -> Question[list[ActionStats]]:
    """Those of all actions, without what is reckoned: in two round trips for a thousand."""
    members, runs = yield AtOneInstant(("ZREVRANGE", keys.actions, 0, -1), ("HVALS", keys.in_flight))
    running = _running(runs, keys.in_flight)
    names = [name_in(member, keys.actions) for member in members]
    commands: list[Command] = [("HMGET", keys.action(name), *ACTION_FIELDS) for name in names]
    replies = yield Each(*commands)
    # A hash is empty if it was evicted since the names were read.
    return [
        action_stats_of(name, raws, keys.action(name), running=running[name])
        for name, raws in zip(names, replies, strict=True)
        if any(raws)
    ]


def durations(keys: Keys, action_ids: Iterable[str], *, failures_only: bool) -> Question[dict[str, Histogram]]:
    key_of = keys.failure_durations if failures_only else keys.durations
    of = {name: key_of(name) for name in action_ids}
    replies = yield Each(*[("HGETALL", key) for key in of.values()])
    return {name: Histogram.of_hash(found, of[name]) for name, found in zip(of, replies, strict=True)}


def running(keys: Keys, limit: int, action_id: str | None) -> Question[list[Running]]:
    """The first `limit`, of all actions or of the one."""
    found = yield from started(keys.in_flight)
    records = [record for record in found if action_id in (None, record.action_id)][:limit]
    histograms = yield from durations(keys, {record.action_id for record in records}, failures_only=False)
    usual = {name: histogram.percentile(95) for name, histogram in histograms.items()}
    return beside_usual(records, usual, now=int(time.time() * 1000))


def scanner_stats(keys: Keys, scanner_id: str) -> Question[ScannerStats]:
    key = keys.scanner(scanner_id)
    (found,) = yield AtOneInstant(("HGETALL", key))
    return scanner_stats_of(scanner_id, found, key)


def scanners(keys: Keys) -> Question[list[ScannerStats]]:
    (members,) = yield AtOneInstant(("ZREVRANGE", keys.scanners, 0, -1))
    names = [name_in(member, keys.scanners) for member in members]
    replies = yield Each(*[("HGETALL", keys.scanner(name)) for name in names])
    hashes = zip(names, replies, strict=True)
    return [scanner_stats_of(name, fields, keys.scanner(name)) for name, fields in hashes if fields]


def totals(keys: Keys) -> Question[Totals]:
    (found,) = yield AtOneInstant(("HGETALL", keys.totals))
    return totals_of(found, keys.totals)


def _running(raws: Iterable[bytes], key: bytes) -> Counter[str]:
    """How many runs of each action stand in the table under `key`."""
    try:
        return Counter(orjson.loads(raw)["action_id"] for raw in raws)
    except (ValueError, LookupError, TypeError) as error:
        raise damaged(key, "no InFlightRecord") from error
