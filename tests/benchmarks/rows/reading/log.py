"""The search: entries of the log that a filter looks at in a second, beside a bare XRANGE drain; and its memory."""

from __future__ import annotations

from time import perf_counter, process_time

import redis

from producer.wal import wal_key
from projector import Filter, Query
from tests.benchmarks.ground.drained import Drained
from tests.benchmarks.ground.process import in_own_process, peak_memory_kib
from tests.benchmarks.ground.site import NAMESPACE, site
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.benchmarks.ratio import Rounds, Row, at_least, at_most
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_WHERE = Filter(action=f"{ACTIONS_50.action_id(7)}*", success=False, grep="release")
"""One entry in some thousand is like that."""
_COUNT = 1000


def run(scale: Scale) -> list[Row]:
    few, many = scale.entries // 4, scale.entries
    peaks: dict[int, list[float]] = {few: [], many: []}

    def searched(entries: int) -> float:
        found = in_own_process(_search, here.url)
        if found.entries != entries:
            raise RuntimeError(f"expected {entries} entries to be looked at, found {found.entries}")
        peaks[entries].append(found.peak_kib)
        return found.per_second

    with site() as here:
        for entries in (few, many):
            here.fill(ACTIONS_50, entries)
            rounds = Rounds(scale.rounds)
            rounds.measure("ours", lambda entries=entries: searched(entries))  # type: ignore[misc]
            rounds.measure("theirs", lambda: in_own_process(_drain, here.url).per_second)
            figures = rounds.run()
    case, span = f"{ACTIONS_50.name}, a filter that matches little", f"peak, {many:,} entries"
    return [
        Row("log", case, "bare XRANGE drain", "entries/s", figures["ours"], figures["theirs"], at_least(0.5)),
        Row("log", span, f"{few:,} entries", "KiB", tuple(peaks[many]), tuple(peaks[few]), at_most(1.1)),
    ]


def _search(url: str) -> Drained:
    with Query(url, NAMESPACE) as query:
        begun, cpu = perf_counter(), process_time()
        entries = query.log(_WHERE)
        found = sum(1 for _ in entries)
        ended = perf_counter()
    if not found:
        raise RuntimeError("expected some entries that the filter wants, found none")
    return Drained(entries.scanned, begun, ended, process_time() - cpu, peak_memory_kib())


def _drain(url: str) -> Drained:
    """Read the log by XRANGE, 1000 entries at a time, and throw them away."""
    key, entries, first = wal_key(NAMESPACE), 0, "-"
    with redis.Redis.from_url(url) as client:
        begun, cpu = perf_counter(), process_time()
        while page := client.xrange(key, first, "+", count=_COUNT):
            entries += len(page)
            first = f"({page[-1][0].decode()}"
        return Drained(entries, begun, perf_counter(), process_time() - cpu, peak_memory_kib())
