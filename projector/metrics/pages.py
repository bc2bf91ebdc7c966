"""The metrics of a process that projects, and its health, as pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from producer.text.extra import needing
from projector.errors import ProjectorError
from projector.metrics.address import Address
from projector.metrics.commits import STUCK_SECONDS, Activity
from projector.metrics.health import readiness
from projector.metrics.server import TEXT, Page, PageServer
from projector.query import Query

_TIMEOUT_SECONDS = 3.0
"""For the server's replies: less than what asks for health, or scrapes, waits by default."""


def _lively(activity: Activity) -> Page:
    def page(_accept: str) -> tuple[int, str, bytes]:
        silent = activity.silent_for
        if silent > STUCK_SECONDS:
            return 503, TEXT, f"the projector hangs: nothing was heard of it for {silent:.0f} s\n".encode()
        return 200, TEXT, b"ok\n"

    return page


def _ready(query: Query) -> Page:
    def page(_accept: str) -> tuple[int, str, bytes]:
        found = readiness(query)
        return 200 if found.ready else 503, TEXT, ("\n".join(found.reasons or ["ok"]) + "\n").encode()

    return page


@contextmanager
def serving(
    address: Address, activity: Activity, *, url: str, namespaces: Sequence[str], actions: int
) -> Iterator[PageServer]:
    """Serve the pages of a process that does `activity` for `namespaces` at `url`, while the block runs.

    Raises ProjectorError without prometheus-client, or if `address` is taken.
    """
    with needing("--metrics", "metrics", ProjectorError):
        from projector.metrics.exposition import Exposition
    with Query(url, namespaces=namespaces, timeout=_TIMEOUT_SECONDS) as query:
        exposition = Exposition(query, actions=actions, activity=activity)

        def metrics(accept: str) -> tuple[int, str, bytes]:
            body, kind = exposition.scrape(accept)
            return 200, kind, body

        pages: dict[str, Page] = {"/metrics": metrics, "/livez": _lively(activity), "/readyz": _ready(query)}
        server = PageServer(address.host, address.port, pages)
        server.start()
        try:
            yield server
        finally:
            server.stop()
