"""The text that Prometheus scrapes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

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
_OPEN_METRICS = "application/openmetrics-text;version=1.0.0"


class Exposition:
    """The metrics of the namespaces of `query`, at most `actions` actions and scanners of each by name, and of the
    `activity` of this process if there is one. Safe under threads.

    Scrapes within a second are answered alike, or they would take a projector in this process its time. A counter
    does not fall for as long as this object lives; so keep it.
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
        self._bodies: dict[str, bytes] = {}  # by their content types
        self._due: float | None = None

    def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """(body, content type), in the format that the header `accept` asks for. Without a server it says so."""
        if native.is_asked_for(accept):
            encode, kind = self._native, native.CONTENT_TYPE
        else:
            encoder, kind = choose_encoder(_OPEN_METRICS if _is_open_asked_for(accept) else "")
            encode = partial(self._text, encoder)
        with self._lock:
            self._read()
            if kind not in self._bodies:
                self._bodies[kind] = encode()
            return self._bodies[kind], kind

    def _native(self) -> bytes:
        durations = {
            (namespace, action): of
            for namespace, reading in self._found.items()
            if reading is not None
            for action, of in reading.durations.items()
        }
        return native.encode(self._families(), durations)

    def _text(self, encoder: Callable[[CollectorRegistry], bytes]) -> bytes:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Given(self._families()))
        return encoder(registry)

    def _families(self) -> Iterator[Metric]:
        yield from families(self._found)
        if self._activity is not None:
            # Without those of a namespace that turned out to have partitions, or that is gone.
            figures = {name: of for name, of in self._activity.figures().items() if name in self._found}
            yield from families_of_commits(figures)

    def _read(self) -> None:
        if self._due is not None and self._monotonic() < self._due:
            return
        try:
            self._found = asked(self._query, readings(self._ledgers_of))
        except ProjectorError:  # nothing could be read, not even which namespaces there are
            known = [*self._found] or self._query.namespace.split(", ")
            self._found = dict.fromkeys(known)
        self._bodies.clear()
        self._due = self._monotonic() + _SHARED_SECONDS

    def _ledgers_of(self, namespace: str) -> Ledgers:
        return self._ledgers.setdefault(namespace, Ledgers(self._actions))


def _is_open_asked_for(accept: str) -> bool:
    """Whether the header has this version. The library would take whatever stands there, and fail at `version=x`."""
    kind, version = _OPEN_METRICS.split(";")
    for media in accept.lower().replace(" ", "").split(","):
        found, *parameters = media.split(";")
        if found == kind and all(each == version for each in parameters if each.startswith("version=")):
            return True
    return False


class _Given(Collector):
    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found
