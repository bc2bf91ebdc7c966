"""At a glance: everything, and one action."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from projector.answers.documents.answer import Answer

if TYPE_CHECKING:
    from projector.query import Query, Status
    from projector.query.overview import ActionOverview, Overview
    from projector.query.questions.statistics import Sort


def overview(query: Query, *, sort: Sort = "recency", limit: int = 10, status: Status | None = None) -> Overview:
    """All actions by `sort`, all that runs and all that is presumed dead, and the latest `limit` that ended; by
    `status` if that was asked for already."""
    from projector.query.overview import Overview

    return Overview(
        totals=query.totals(),
        lost=(status or query.status()).lost,
        actions=query.actions(sort),
        in_flight=query.running(),
        orphans=query.orphans(),
        recent_executions=query.recent_action_executions(limit),
        recent_cleanups=query.recent_cleanup_operations(limit),
    )


def action_overview(query: Query, action: str) -> ActionOverview:
    """Zeros for an action never seen."""
    from projector.query.merging.records import running
    from projector.query.overview import ActionOverview
    from projector.query.query import asked

    return ActionOverview(
        **asdict(query.action_stats(action)),
        in_flight=asked(query, running(action_id=action)),
        orphans=[record for record in query.orphans() if record.action_id == action],
    )


def stats_answer(document: Overview, most: int | None) -> Answer:
    """Its rows are actions, `most` of them (None: all)."""
    from projector.query import ActionStats

    return Answer(document, document.actions[:most], ActionStats)


def action_answer(document: ActionOverview) -> Answer:
    """Its row has the statistics alone."""
    from projector.query import ActionStats

    stats = ActionStats(**{field.name: getattr(document, field.name) for field in fields(ActionStats)})
    return Answer(document, [stats], ActionStats)
