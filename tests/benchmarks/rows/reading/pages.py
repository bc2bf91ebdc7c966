"""The web pages of a log of a million entries: milliseconds until a page is there, and its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from time import perf_counter, time
from urllib.parse import quote

import httpx
import orjson

from producer.wal import wal_key
from projector import Query
from projector.keys import Keys
from tests.benchmarks.ground.drained import projector_drain
from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import NAMESPACE, Site, site
from tests.benchmarks.ground.workload import ACTIONS_5000, CLEANUPS, Fields
from tests.benchmarks.ratio import Row, at_most
from tests.benchmarks.scale import Scale
from tests.support.serving import web

__all__ = ["run"]

_SPAN_MS = 7 * 24 * 3_600_000
"""Of which the entries are, up to now."""
_MOST_MS, _MOST_BYTES = 200.0, 100_000
_TIMES = 5
_TIMED = ("started_at", "completed_at", "executed_at")


def run(scale: Scale) -> list[Row]:
    """A page that nobody has asked for yet, beside the same page asked for again."""
    with site() as here:
        _fill(here, scale.backlog)
        in_own_process(projector_drain, here.url, NAMESPACE)
        here.client.set(Keys(NAMESPACE).lease, "host:1:benchmark", ex=3600)
        with (
            web("--url", here.url, "--namespace", NAMESPACE) as served,
            httpx.Client(base_url=served.address, timeout=60) as client,
        ):
            client.get("")  # reads all actions, which it keeps for a moment
            client.get("health")
            return [_row(client, path) for path in _paths(here.url)]


def _fill(here: Site, entries: int) -> None:
    begin, step = int(time() * 1000) - _SPAN_MS, _SPAN_MS / entries
    numbered = enumerate(_of_both(entries))
    while page := list(islice(numbered, 1000)):
        with here.client.pipeline(transaction=False) as pipeline:
            for number, fields in page:
                at = begin + int(number * step)
                operation = orjson.loads(fields[1])
                operation |= {name: at for name in _TIMED if name in operation}
                fields[1] = orjson.dumps(operation)
                pipeline.execute_command("XADD", wal_key(NAMESPACE), f"{at}-{number}", *fields)
            pipeline.execute()


def _of_both(entries: int) -> Iterator[Fields]:
    """Mostly runs of many actions; and cleanups."""
    runs = ACTIONS_5000.entries(entries)
    cleaned = ([b"op", fields[1]] for fields in CLEANUPS.entries(entries) if b"cleanup_executed" in fields[1])
    for number in range(entries):
        yield next(cleaned) if number % 4 == 3 else next(runs)


def _paths(url: str) -> list[str]:
    with Query(url, NAMESPACE) as query:
        failed = query.recent_failures(1)[0]
        cleanup = query.recent_cleanup_operations(1)[0]
    action = quote(failed.action_id)
    return [
        *("", "?by=minute", "actions", "actions?sort=slowness&page=50", "actions?q=77", f"action?id={action}"),
        *("runs", "runs?failed=true", f"runs?action={action}", "runs?since=1h", "runs?since=7d&grep=release"),
        *(f"run?id={failed.entry_id}", f"run?id={quote(failed.execution_id or '')}", "failures"),
        *("failures?grouped=true", "in-flight", "cleanups", "cleanups?scanner=scanner-01", "log", "log?grep=nothing"),
        *(f"trail?resource={quote(cleanup.resource_id)}", "health", "namespaces"),
    ]


def _row(client: httpx.Client, path: str) -> Row:
    cold: list[float] = []
    warm: list[float] = []
    sizes = set()
    for number in range(_TIMES):
        fresh = f"{path}{'&' if '?' in path else '?'}n={number}"
        for figures in (cold, warm):
            begun = perf_counter()
            answer = client.get(fresh)
            figures.append((perf_counter() - begun) * 1e3)
        sizes.add(len(answer.content))
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:2000]}")
    note = f"at most {max(sizes):,} bytes{'' if max(sizes) <= _MOST_BYTES else ', which are too many'}"
    limit = at_most(_MOST_MS)
    return Row("pages", f"/{path}", "kept", "ms", tuple(cold), tuple(warm), limit=limit, note=note)
