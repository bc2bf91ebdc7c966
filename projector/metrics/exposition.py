"""The text that Prometheus scrapes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from projector.errors import ProjectorError
from projector.metrics import native
from projector.metrics.commits import Activity
from projector.metrics.families import families, families_of_commits
from projector.metrics.reading import Ledgers, Reading, readings
from projector.query import Query
from projector.query.query import asked

ACTIONS = 200
"""How many actions of a namespace, and how many scanners, have figures of their own."""
_SHARED_SECONDS = 1.0


class Exposition:
    """The metrics of the namespaces of `query`, at most `actions` actions and scanners of each by name, and of the
    `activity` of this process if there is one. Safe under threads.

    Scrapes within a second share one reading. A counter does not fall for as long as this object lives; so keep it.
    """

    def __init__(
        self,
        query: Query,
        *,
        actions: int = ACTIONS,
        activity: Activity | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._query = query
        self._actions = actions
        self._activity = activity
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._ledgers: dict[str, Ledgers] = {}
        self._found: dict[str, Reading | None] = {}
        self._due: float | None = None

    def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """(body, content type), in the format that the header `accept` asks for. Without a server it says so."""
        found = self._read()
        if native.is_asked_for(accept):
            durations = {
                (namespace, action): of
                for namespace, reading in found.items()
                if reading is not None
                for action, of in reading.durations.items()
            }
            return native.encode(self._families(found), durations), native.CONTENT_TYPE
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Given(self._families(found)))
        encode, kind = choose_encoder(accept)
        return encode(registry), kind

    def _families(self, found: Mapping[str, Reading | None]) -> Iterator[Metric]:
        yield from families(found)
        if self._activity is not None:
            yield from families_of_commits(self._activity.figures())

    def _read(self) -> dict[str, Reading | None]:
        with self._lock:
            if self._due is None or self._monotonic() >= self._due:
                try:
                    found = asked(self._query, readings(self._ledgers_of))
                except ProjectorError:  # nothing could be read, not even which namespaces there are
                    known = [*self._found] or self._query.namespace.split(", ")
                    self._found = dict.fromkeys(known)
                else:
                    self._found = {
                        name: reading if isinstance(reading, Reading) else None for name, reading in found.items()
                    }
                self._due = self._monotonic() + _SHARED_SECONDS
            return self._found

    def _ledgers_of(self, namespace: str) -> Ledgers:
        return self._ledgers.setdefault(namespace, Ledgers(self._actions))


class _Given(Collector):
    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found
