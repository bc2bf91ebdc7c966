"""Records of several namespaces: the latest first, by the times of their entries, and those of one time by namespace.

The namespaces come in the order of their names, and sorting keeps that order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from projector.entry_id import milliseconds_of, order_of_any
from projector.query.arguments import checked_limit
from projector.query.overview import Running
from projector.query.questions import lists, statistics
from projector.query.questions.question import Inquiry, each
from projector.query.results import Records
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord

_R = TypeVar("_R")


def executions(asked: lists.Asked) -> Inquiry[Records[ActionExecutionRecord]]:
    answers = yield from each(lambda keys: lists.executions(keys, asked))
    return merged([*answers.values()], asked.limit)


def cleanups(asked: lists.Asked) -> Inquiry[Records[CleanupRecord]]:
    answers = yield from each(lambda keys: lists.cleanups(keys, asked))
    return merged([*answers.values()], asked.limit)


def merged(answers: Sequence[Records[_R]], limit: int) -> Records[_R]:
    """Whole since the latest moment from which each of them is."""
    if len(answers) == 1:
        return answers[0]
    found = by_time(answers)
    ends = [answer.since for answer in answers if not answer.complete]
    if len(found) > limit:  # of the millisecond of the first that is left out, others may be, too
        ends.append(milliseconds_of(_entry_id(found[limit])) + 1)
    return Records(found[:limit], complete=not ends, since=latest_of(ends))


def latest_of(ends: Sequence[int | None]) -> int | None:
    """The moment since which all are whole; None if that is not known of one."""
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def by_time(answers: Sequence[Iterable[_R]]) -> list[_R]:
    """All records, the latest first."""
    if len(answers) == 1:
        return list(answers[0])
    found = [one for answer in answers for one in answer]
    return sorted(found, key=lambda one: order_of_any(_entry_id(one)), reverse=True)


def in_flight() -> Inquiry[list[InFlightRecord]]:
    return by_time([*(yield from each(lambda keys: lists.started(keys.in_flight))).values()])


def orphans() -> Inquiry[list[InFlightRecord]]:
    return by_time([*(yield from each(lambda keys: lists.started(keys.orphans))).values()])


def running(limit: int | None = None, action_id: str | None = None) -> Inquiry[list[Running]]:
    most = checked_limit(limit)
    return by_time([*(yield from each(lambda keys: statistics.running(keys, most, action_id))).values()])[:most]


def _entry_id(record: Any) -> str:
    entry_id: str = record.entry_id
    return entry_id
