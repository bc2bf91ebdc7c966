"""The log folded into a shadow, from where the shadow stands, without a consumer group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from producer.log import Log
from projector.worker.batch_size import Batch, BatchSize
from projector.worker.link import Link
from projector.worker.projection_writer import ProjectionWriter


class Replay:
    """Brings `projection` forward page by page; the next page is read while one is folded and committed."""

    def __init__(self, link: Link, log: Log, projection: ProjectionWriter, progress: Callable[[int], None]) -> None:
        self._link = link
        self._log = log
        self._projection = projection
        self._progress = progress
        self._page: Batch | None = None
        self._size = BatchSize()
        self._requested = 0

    def to_the_end(self) -> None:
        """Fold all that the log holds; producers may append more meanwhile."""
        self._request(self._projection.sent_id)
        while True:
            while self._page is None:
                self._link.receive()
            page, self._page = self._page, None
            full = len(page) == self._requested
            self._size.arrived(page, full=full)
            if full:
                self._request(page[-1][0].decode())
            if page:
                self._projection.advance(page)
                self._size.committed(page, self._projection.written)
                self._progress(self._projection.history.checkpoint.entries)
            if not full:
                self._link.settle()
                return

    def _request(self, after: str) -> None:
        self._requested = self._size.count
        self._log.request_after(self._link.request, self._came, after, self._requested)

    def _came(self, reply: Any) -> None:
        self._page = reply
