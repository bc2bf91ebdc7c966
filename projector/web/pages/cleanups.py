"""What was cleaned up, and all that was done to a resource."""

from __future__ import annotations

from typing import Any

from projector.answers import records
from projector.records import CleanupRecord
from projector.search import Filter
from projector.search.entry import LogEntry
from projector.web.page.asked import ROWS, Asked
from projector.web.page.listing import listed
from projector.web.page.search import search


def cleanups(asked: Asked) -> dict[str, Any]:
    limit = asked.page * ROWS + 1
    found = records.cleanups(asked.query, asked.where(), between=asked.between, limit=limit, progress=asked.progress)
    scanners = asked.part(asked.query.scanners)
    return {"scanners": scanners, **listed(found, asked)}


def trail(asked: Asked) -> dict[str, Any]:
    """By the log, a part of it at a time: the whole log may have millions of entries."""
    resource = asked.exactly("resource")
    if not resource:
        return {"resource": ""}
    found = search(asked, Filter(resource=resource, type="cleanup"))
    context = found.context(asked)
    return {**context, "title": resource, "resource": resource, "rows": [_done(entry) for entry in found.rows]}


def _done(entry: LogEntry) -> CleanupRecord:
    told: dict[str, Any] = {"error": None, **(entry.operation or {})}
    names = ("scanner_id", "resource_id", "action", "success", "error", "execution_id", "labels")
    return CleanupRecord(
        **{name: told[name] for name in names if name in told},
        timestamp=told["executed_at"],
        by=entry.by,
        entry_id=entry.entry_id,
        namespace=entry.namespace,
    )
