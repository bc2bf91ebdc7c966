"""The log read without a group, from where a shadow stands, and folded into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from projector.worker.link import Link
from projector.worker.projection import Batch, Projection

__all__ = ["Replay"]

_PAGE = 1000


class Replay:
    """Brings `projection` forward page by page; the next page is read while one is folded and committed."""

    def __init__(self, link: Link, wal: bytes, projection: Projection, progress: Callable[[int], None]) -> None:
        self._link = link
        self._wal = wal
        self._projection = projection
        self._progress = progress
        self._page: Batch | None = None

    def to_the_end(self) -> None:
        """Fold until a page is not full: what the log holds, but for what is written meanwhile."""
        self._request(self._projection.sent_id)
        while True:
            while self._page is None:
                self._link.receive()
            page, self._page = self._page, None
            full = len(page) == _PAGE
            if full:
                self._request(page[-1][0].decode())
            if page:
                self._projection.advance(page)
                self._progress(self._projection.history.checkpoint.entries)
            if not full:
                self._link.settle()
                return

    def _request(self, after: str) -> None:
        first = f"({after}" if after else "-"
        self._link.request(self._came, "XRANGE", self._wal, first, "+", "COUNT", _PAGE)

    def _came(self, reply: Any) -> None:
        self._page = reply
