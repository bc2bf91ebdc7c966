"""What was cleaned up, and all that was done to a resource."""

from __future__ import annotations

from typing import Any

from projector.answers import records
from projector.web.page.asked import ROWS, Asked
from projector.web.page.listing import listed


def cleanups(asked: Asked) -> dict[str, Any]:
    limit = asked.page * ROWS + 1
    found = records.cleanups(asked.query, asked.where(), between=asked.between, limit=limit, progress=asked.progress)
    scanners = asked.part(asked.query.scanners)
    return {"scanners": scanners, **listed(found, asked)}


def trail(asked: Asked) -> dict[str, Any]:
    resource, between = asked.exactly("resource"), asked.between
    if not resource:
        return {"resource": "", "rows": []}
    found = asked.query.trail(
        resource, since=between.since, until=between.until, limit=asked.page * ROWS + 1, progress=asked.progress
    )
    return {"title": resource, "resource": resource, **listed(found, asked)}
