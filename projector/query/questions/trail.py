"""All that was done to a resource, by the log: by whom, when, and in which run."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from projector.keys import Keys
from projector.query.arguments import Span, checked_name
from projector.query.questions.lists import cleanups
from projector.query.questions.question import Blocking, Question
from projector.query.questions.show import runs
from projector.query.results import Records
from projector.records import CleanupRecord
from projector.search.filter import Filter


@dataclass(frozen=True, slots=True)
class Deed(CleanupRecord):
    """A cleanup, and the action of the run that did it (None: no run did, or its start is not known)."""

    run_action_id: str | None = None


def trail(keys: Keys, resource: str, span: Span, *, limit: int | None) -> Question[Records[Deed]]:
    """The latest `limit` of the cleanups of what is like the glob `resource`."""
    from projector.search.lookup import Lookup  # loads the fold's rules, which few readers need

    where = Filter(resource=checked_name("resource", resource))
    found = yield from cleanups(keys, limit, span, scanner_id=None, where=where)
    ids = {record.execution_id for record in found if record.execution_id}
    known: dict[str | None, str] = {
        run.execution_id: run.action_id for run in (yield from runs(keys)) if run.execution_id in ids
    }
    if unknown := ids - known.keys():
        log, newest = Lookup(keys.namespace, span.archive, span.progress), found[0].entry_id
        known |= yield Blocking(lambda call: log.actions_of(call, unknown, before=newest))
    deeds = [Deed(**asdict(record), run_action_id=known.get(record.execution_id)) for record in found]
    return Records(deeds, complete=found.complete, since=found.since)
