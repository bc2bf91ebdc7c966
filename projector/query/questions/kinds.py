"""Failures by kind: errors that differ in no more than numbers, ids, paths and the like count together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from producer.text.moment import datetime_of
from projector.checkpoint import Checkpoint
from projector.keys import Keys
from projector.query.parsing import FAILURE_KINDS, name_in
from projector.query.questions.question import AtOneInstant, Each, Question
from projector.records import FailureKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFailureKind(FailureKind):
    """The failures of `action_id` that are of one `kind`, in all the time of the projection.

    `new`: the first of them came since the moment that was asked about; None if none was, or if it cannot be told:
    `(other)` adds up the kinds that an action has beyond the 50 seen last. Of failures in several namespaces
    `namespace` has all their names.
    """

    action_id: str
    kind: str
    new: bool | None
    namespace: str = ""

    @property
    def at(self) -> datetime:
        """`last_at` in UTC."""
        return datetime_of(self.last_at)


@dataclass(frozen=True, slots=True)
class Kinds:
    """All kinds of failures that a namespace has, without what is `new`; `complete` unless actions were evicted."""

    found: list[ActionFailureKind]
    complete: bool


def failure_kinds(keys: Keys, action_id: str | None) -> Question[Kinds]:
    """Of all actions, or of one."""
    row, members = yield AtOneInstant(("HGETALL", keys.checkpoint), ("ZREVRANGE", keys.actions, 0, -1))
    stands = Checkpoint.of_hash(row, keys.checkpoint) or Checkpoint()
    names = [name_in(member, keys.actions) for member in members] if action_id is None else [action_id]
    replies = yield Each(*[("HGETALL", keys.failure_kinds(name)) for name in names])
    found: list[ActionFailureKind] = []
    for name, kinds in zip(names, replies, strict=True):
        key = keys.failure_kinds(name)
        for raw_kind, raw in kinds.items():
            kind, seen = name_in(raw_kind, key), FAILURE_KINDS.read(raw, key)
            given = asdict(seen)
            found.append(ActionFailureKind(action_id=name, kind=kind, new=None, namespace=keys.namespace, **given))
    return Kinds(found, complete=not stands.actions_evicted)
