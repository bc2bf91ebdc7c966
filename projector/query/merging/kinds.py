"""Failures by kind in several namespaces: those of one action and one kind add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from projector.entry_id import order_of_any
from projector.query.arguments import checked_limit, checked_moment, checked_name
from projector.query.questions import kinds
from projector.query.questions.kinds import ActionFailureKind
from projector.query.questions.question import Inquiry, each
from projector.query.results import Records
from projector.records import OTHER


def failure_kinds(action_id: str | None, *, since: object, limit: object) -> Inquiry[Records[ActionFailureKind]]:
    """The kinds of failures, of one action if asked, seen `since` then: what is new first, then the latest first."""
    moment = None if since is None else checked_moment("since", since)
    most = checked_limit(limit)
    name = None if action_id is None else checked_name("action_id", action_id)
    answers = [*(yield from each(lambda keys: kinds.failure_kinds(keys, name))).values()]
    by_kind: defaultdict[tuple[str, str], list[ActionFailureKind]] = defaultdict(list)
    for answer in answers:
        for one in answer.found:
            by_kind[one.action_id, one.kind].append(one)
    summed = (of_a_kind[0] if len(of_a_kind) == 1 else _sum(of_a_kind) for of_a_kind in by_kind.values())
    found = [_judged(one, moment) for one in summed if moment is None or one.last_at >= moment]
    found.sort(key=lambda each: (each.new is True, each.last_at), reverse=True)
    whole = all(answer.complete for answer in answers) and all(each.kind != OTHER for each in found)
    return Records(found[:most], complete=whole and len(found) <= most, since=None)


def _judged(one: ActionFailureKind, moment: int | None) -> ActionFailureKind:
    """Whether it is new since then."""
    return one if moment is None or one.kind == OTHER else replace(one, new=one.first_at >= moment)


def _sum(found: Sequence[ActionFailureKind]) -> ActionFailureKind:
    first = min(found, key=lambda each: order_of_any(each.first_entry_id))
    last = max(found, key=lambda each: order_of_any(each.last_entry_id))
    return replace(
        last,  # has the example
        count=sum(each.count for each in found),
        first_at=min(each.first_at for each in found),
        last_at=max(each.last_at for each in found),
        first_entry_id=first.first_entry_id,
        namespace=", ".join(each.namespace for each in found),
    )
