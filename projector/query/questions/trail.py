"""All that was done to a resource, by the log: by whom, when, and in which run."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from projector.query.questions.question import Blocking, Question
from projector.records import CleanupRecord

if TYPE_CHECKING:
    from projector.search.lookup import Lookup


@dataclass(frozen=True, slots=True)
class Deed(CleanupRecord):
    """A cleanup, and the action of the run that did it (None: no run did, or its start is not known)."""

    run_action_id: str | None = None


def actions_of(log: Lookup, execution_ids: Set[str], before: str) -> Question[dict[str | None, str]]:
    """The actions of these runs that started before the entry `before`, or at any time if that is empty."""
    found: dict[str | None, str] = yield Blocking(lambda call: log.actions_of(call, execution_ids, before=before))
    return found
