"""What the bounded lists hold, and how far back they reach; what has started and not ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from glob import escape
from itertools import islice
from math import inf
from typing import Any

from projector.bounds import Bounds
from projector.checkpoint import Checkpoint
from projector.entry_id import milliseconds_of, order_of, order_of_any
from projector.errors import InvalidQuery
from projector.keys import Keys
from projector.query.arguments import Span, checked_limit, checked_name, checked_success
from projector.query.parsing import CLEANUPS, EXECUTIONS, IN_FLIGHT, RecordReader
from projector.query.questions.log import continued
from projector.query.questions.question import AtOneInstant, Question
from projector.query.results import Records
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from projector.search.filter import Filter

_END = -1
"""Where a list ends, to LRANGE."""
_COMPLETE, _NOTHING = (0, 0), (inf, inf)
"""How far back an answer reaches: as orders of entry ids."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The latest `limit` of what `where` wants and was written in `span`; of the one action or scanner `name`, unless
    it is None."""

    limit: int
    span: Span
    where: Filter
    name: str | None = None


def asked_executions(
    limit: int | None, span: Span, *, action_id: str | None, success: bool | None, where: Filter | None
) -> Asked:
    """Raises InvalidQuery."""
    asked = _filter(where, action=_exactly("action_id", action_id), success=checked_success(success))
    return Asked(checked_limit(limit), span, asked, action_id)


def asked_cleanups(limit: int | None, span: Span, *, scanner_id: str | None, where: Filter | None) -> Asked:
    """Raises InvalidQuery."""
    asked = _filter(where, scanner=_exactly("scanner_id", scanner_id))
    return Asked(checked_limit(limit), span, asked, scanner_id)


ALL = Asked(checked_limit(None), Span(None, None, None), Filter())
"""All that the projection has."""


def executions(keys: Keys, wanted: Asked) -> Question[Records[ActionExecutionRecord]]:
    """The latest runs; failures come from a list of their own, which no flood of successes evicts."""
    limit, span, asked, action_id = wanted.limit, wanted.span, wanted.where, wanted.name
    wide = keys.failures if asked.success is False else keys.executions
    matches = _matches(asked, span)
    if action_id is None:
        as_it_stands = span.is_all and asked in (Filter(), Filter(success=False))
        found = yield from _newest(keys, EXECUTIONS, [wide], limit, matches, stop=limit if as_it_stands else _END)
    else:
        own = keys.executions_of(action_id)
        # The action's own list is short and mostly enough; the wide one may reach further back.
        stop = limit if span.is_all and asked == Filter(action=asked.action) else _END
        found = yield from _newest(keys, EXECUTIONS, [own], limit, matches, stop=stop, own=own)
        if not found.complete and len(found) < limit:
            found = yield from _newest(keys, EXECUTIONS, [own, wide], limit, matches, own=own)
    gathering = partial(_gathering, "Executions", asked)
    if asked.grep is None:
        return (yield from continued(found, keys, limit, span, gathering))
    # An output stands in the log alone, and what is no longer in the log is judged without it.
    nothing: Records[ActionExecutionRecord] = Records([], complete=False)
    whole = replace(span, since=span.since or 0)
    read = yield from continued(nothing, keys, limit, whole, gathering)
    older = [record for record in found if milliseconds_of(record.entry_id) < (read.since or 0)]
    return Records([*read, *older][:limit], complete=read.complete, since=read.since)


def cleanups(keys: Keys, wanted: Asked) -> Question[Records[CleanupRecord]]:
    limit, span, asked = wanted.limit, wanted.span, wanted.where
    stop = limit if span.is_all and asked == Filter() else _END
    found = yield from _newest(keys, CLEANUPS, [keys.cleanups], limit, _matches(asked, span), stop=stop)
    return (yield from continued(found, keys, limit, span, lambda: _gathering("Cleanups", asked)))


def _filter(where: Filter | None, **given: Any) -> Filter:
    """`where`, and what was `given` besides."""
    asked = where or Filter()
    if asked.type is not None:
        raise InvalidQuery("where", "no type, because records have none", asked.type)
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        if getattr(asked, name) is not None:
            raise InvalidQuery("where", f"no {name}, because an argument says it", value)
    return replace(asked, **given)


def _exactly(argument: str, name: str | None) -> str | None:
    return None if name is None else escape(checked_name(argument, name))


def _gathering(kind: str, asked: Filter) -> Any:
    from projector.search import joined  # loads the fold's rules, which few readers need

    return getattr(joined, kind)(asked)


def _matches(asked: Filter, span: Span) -> Callable[[Any], bool]:
    test = asked.test()
    return lambda record: test(record, record.by) and span.has(milliseconds_of(record.entry_id))


def started(key: bytes) -> Question[list[InFlightRecord]]:
    """What stands in the table under `key`, the latest start first."""
    (raws,) = yield AtOneInstant(("HVALS", key))
    records = [IN_FLIGHT.read(raw, key) for raw in raws]
    return sorted(records, key=lambda record: order_of_any(record.entry_id), reverse=True)


def _newest(
    keys: Keys,
    reader: RecordReader[Any],
    lists: Sequence[bytes],
    limit: int,
    wanted: Callable[[Any], bool],
    *,
    stop: int = _END,
    own: bytes = b"",
) -> Question[Records[Any]]:
    """The latest `limit` that are wanted, of which each of `lists` holds the newest part; `own` is an action's."""
    found, *replies = yield AtOneInstant(("HGETALL", keys.checkpoint), *[("LRANGE", key, 0, stop) for key in lists])
    stands = Checkpoint.of_hash(found, keys.checkpoint) or Checkpoint()
    answers: list[tuple[tuple[float, float], list[Any]]] = []
    for key, raws in zip(lists, replies, strict=True):
        records = list(islice(filter(wanted, (reader.read(raw, key) for raw in raws)), limit + 1))
        if len(records) > limit:
            reach: tuple[float, float] = order_of(records[limit].entry_id)
        elif len(raws) < _bound(stands, own=key == own) and not (key == own and stands.actions_evicted):
            reach = _COMPLETE
        else:  # what was pushed out of it is older than its last; a list that is just full may have lost none
            reach = order_of(reader.read(raws[-1], key).entry_id) if raws else _NOTHING
        answers.append((reach, records[:limit]))
    reach, records = min(answers, key=lambda answer: answer[0])
    # Of the millisecond of the entry that is known to be there, others may have gone.
    since = int(reach[0]) + 1 if _COMPLETE < reach < _NOTHING else None
    return Records(records, complete=reach == _COMPLETE, since=since)


def _bound(stands: Checkpoint, *, own: bool) -> int:
    """How many records a list keeps; 0 if the projection is of a version that tells it otherwise."""
    try:
        bounds = stands.bounds() if stands.config else Bounds()
    except ValueError:
        return 0
    return bounds.max_action_entries if own else bounds.max_entries
