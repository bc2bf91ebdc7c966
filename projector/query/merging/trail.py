"""All that was done to a resource in several namespaces.

A cleanup goes by its scanner and a run by its action, so that they may be in different partitions.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from projector.keys import Keys
from projector.query.arguments import Span, checked_limit, checked_name
from projector.query.merging import records
from projector.query.questions import show as showing
from projector.query.questions.lists import Asked
from projector.query.questions.question import Inquiry, Question, all_keys, ask, each
from projector.query.questions.trail import Deed, actions_of
from projector.query.results import Records
from projector.search.filter import Filter

if TYPE_CHECKING:
    from projector.search.lookup import Lookup


def trail(resource: str, span: Span, *, limit: int | None) -> Inquiry[Records[Deed]]:
    """The latest `limit` of the cleanups of what is like the glob `resource`."""
    from projector.search.lookup import Lookup  # loads the fold's rules, which few readers need

    where = Filter(resource=checked_name("resource", resource))
    found = yield from records.cleanups(Asked(checked_limit(limit), span, where))
    ids = {record.execution_id for record in found if record.execution_id}
    known: dict[str | None, str] = {}
    for runs in (yield from each(showing.runs)).values():
        known |= {run.execution_id: run.action_id for run in runs if run.execution_id in ids}
    namespaces = [keys.namespace for keys in (yield from all_keys())]
    for namespace in namespaces:
        if unknown := ids - known.keys():
            log = Lookup(namespace, span.archive, span.progress)
            before = found[0].entry_id if len(namespaces) == 1 else ""  # the id is of another log
            known |= yield from ask(namespace, partial(_actions, log, unknown, before))
    deeds = [Deed(**asdict(record), run_action_id=known.get(record.execution_id)) for record in found]
    return Records(deeds, complete=found.complete, since=found.since)


def _actions(log: Lookup, ids: Set[str], before: str, _: Keys) -> Question[dict[str | None, str]]:
    return actions_of(log, ids, before)
