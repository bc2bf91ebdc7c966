"""Failures by kind: errors that differ in no more than numbers, ids, paths and the like count together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from producer.text.moment import datetime_of
from projector.checkpoint import Checkpoint
from projector.keys import Keys
from projector.query.arguments import checked_limit, checked_moment, checked_name
from projector.query.parsing import FAILURE_KINDS, name_in
from projector.query.questions.question import AtOneInstant, Each, Question
from projector.query.results import Records
from projector.records import OTHER, FailureKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFailureKind(FailureKind):
    """The failures of `action_id` that are of one `kind`, in all the time of the projection.

    `new`: the first of them came since the moment that was asked about; None if none was, or if it cannot be told:
    `(other)` adds up the kinds that an action has beyond the 50 seen last.
    """

    action_id: str
    kind: str
    new: bool | None

    @property
    def at(self) -> datetime:
        """`last_at` in UTC."""
        return datetime_of(self.last_at)


def failure_kinds(
    keys: Keys, action_id: str | None = None, *, since: object = None, limit: object = None
) -> Question[Records[ActionFailureKind]]:
    """The kinds of failures, of one action if asked, seen `since` then: what is new first, then the latest first."""
    moment = None if since is None else checked_moment("since", since)
    most = checked_limit(limit)
    name = None if action_id is None else checked_name("action_id", action_id)
    row, members = yield AtOneInstant(("HGETALL", keys.checkpoint), ("ZREVRANGE", keys.actions, 0, -1))
    stands = Checkpoint.of_hash(row, keys.checkpoint) or Checkpoint()
    names = [name_in(member, keys.actions) for member in members] if name is None else [name]
    replies = yield Each(*[("HGETALL", keys.failure_kinds(name)) for name in names])
    found: list[ActionFailureKind] = []
    for name, kinds in zip(names, replies, strict=True):
        key = keys.failure_kinds(name)
        for raw_kind, raw in kinds.items():
            kind, seen = name_in(raw_kind, key), FAILURE_KINDS.read(raw, key)
            if moment is None or seen.last_at >= moment:
                new = None if moment is None or kind == OTHER else seen.first_at >= moment
                found.append(ActionFailureKind(action_id=name, kind=kind, new=new, **asdict(seen)))
    found.sort(key=lambda each: (each.new is True, each.last_at), reverse=True)
    complete = not stands.actions_evicted and all(each.kind != OTHER for each in found) and len(found) <= most
    return Records(found[:most], complete=complete, since=None)
