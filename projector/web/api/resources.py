"""The table of what the API answers: each path, its parameters, its documents, and what is asked for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from producer.text.wording import counted
from projector.answers import records
from projector.answers.documents.answer import Answer
from projector.answers.documents.history import history, history_answer
from projector.answers.documents.stats import action_answer, action_overview, overview, stats_answer
from projector.answers.examined import Look, examined
from projector.answers.filters import named
from projector.answers.parameter import WrongParameter
from projector.answers.quarantined import entry_answer, entry_of, list_answer
from projector.answers.standing import standings, standings_answer
from projector.entry_id import is_entry_id
from projector.errors import ServerRefused, TooMuchWork
from projector.namespaces.readers import names_at
from projector.namespaces.wanted import is_glob
from projector.quarantine import Quarantine
from projector.query import ActionFailureKind, ProducerStanding, Query, Running, ScannerStats
from projector.query.arguments import Progress
from projector.query.questions.trail import Deed
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from projector.retention.retention import WEEK_MS
from projector.web.api.parameters import (
    ALL,
    BY,
    FILTERS,
    INTERVAL,
    PART,
    SORT,
    TYPE,
    Arguments,
    Parameter,
    duration,
    flag,
    whole,
)

ROWS = ("csv", "jsonl")
_LIMIT = whole("limit", "How many at most, the latest first.")
_LONGEST_LOOK = 5
"""Seconds between two looks of the doctor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request: what is `asked` of `query`, by `names` in its path. The `namespaces` are at `url`. `progress` ends
    the visit when it takes too long."""

    query: Query
    asked: Arguments
    names: Mapping[str, str]
    url: str
    namespaces: Sequence[str]
    progress: Progress

    @property
    def limit(self) -> int | None:
        """How many records are wanted: all since a time are no more than ALL."""
        default = None if self.asked.get("since") is None else ALL
        found: int | None = self.asked.get("limit", default)
        return found


@dataclass(frozen=True, slots=True)
class Resource:
    """`answer` answers a visit of `path`, by a document of the schemas `documents`; `forms` are those of its rows."""

    path: str
    told: str
    documents: tuple[str, ...]
    answer: Callable[[Visit], Answer]
    parameters: tuple[Parameter, ...] = ()
    forms: tuple[str, ...] = ROWS

    @property
    def names_one(self) -> bool:
        """Whether its path names one thing by its id."""
        return "{id" in self.path


def _stats(visit: Visit) -> Answer:
    limit = visit.asked.get("limit")
    usual = records.USUAL if limit is None else limit
    found = overview(visit.query, sort=visit.asked.get("sort", "recency"), limit=usual)
    return stats_answer(replace(found, actions=named(found.actions, visit.asked.get("q", ""))), limit)


def _action(visit: Visit) -> Answer:
    return action_answer(action_overview(visit.query, visit.names["action"]))


def _recent(visit: Visit) -> Answer:
    where, between = visit.asked.where, visit.asked.between
    found = records.recent(visit.query, where, between=between, limit=visit.limit, progress=visit.progress)
    return Answer.of_records(found, ActionExecutionRecord)


def _failures(visit: Visit) -> Answer:
    where, between = visit.asked.where, visit.asked.between
    if visit.asked.get("grouped"):
        kinds = records.kinds(visit.query, where, between=between, limit=visit.asked.get("limit"))
        return Answer.of_records(kinds, ActionFailureKind)
    if where.success is False:  # which it says twice
        where = replace(where, success=None)
    found = records.failures(visit.query, where, between=between, limit=visit.limit, progress=visit.progress)
    return Answer.of_records(found, ActionExecutionRecord)


def _cleanups(visit: Visit) -> Answer:
    where, between = visit.asked.where, visit.asked.between
    found = records.cleanups(visit.query, where, between=between, limit=visit.limit, progress=visit.progress)
    return Answer.of_records(found, CleanupRecord)


def _in_flight(visit: Visit) -> Answer:
    limit, part = visit.asked.get("limit"), visit.asked.get("q", "")
    if visit.asked.get("orphans"):
        dead = named(visit.query.orphans(), part)[:limit]
        return Answer(dead, dead, InFlightRecord)
    runs = named(visit.query.running(), part)[:limit] if part else visit.query.running(limit)
    return Answer(runs, runs, Running)


def _history(visit: Visit) -> Answer:
    action, step, between = visit.names.get("action"), visit.asked.get("by", "hour"), visit.asked.between
    now = int(visit.asked.now.timestamp() * 1000)
    return history_answer(history(visit.query, action, step=step, between=between, now=now))


def _status(visit: Visit) -> Answer:
    return Answer(visit.query.status(room=True))


def _namespaces(visit: Visit) -> Answer:
    return standings_answer(standings(visit.query))


def _scanners(visit: Visit) -> Answer:
    found = visit.query.scanners()
    return Answer(found, found, ScannerStats)


def _producers(visit: Visit) -> Answer:
    return Answer.of_records(visit.query.producers(visit.asked.get("limit", ALL)), ProducerStanding)


def _show(visit: Visit) -> Answer:
    return Answer(visit.query.show(visit.names["id"], namespace=visit.asked.get("in"), progress=visit.progress))


def _trail(visit: Visit) -> Answer:
    between, limit = visit.asked.between, visit.asked.get("limit", ALL)
    span = {"since": between.since, "until": between.until}
    found = visit.query.trail(visit.names["resource"], **span, limit=limit, progress=visit.progress)
    return Answer.of_records(found, Deed)


def _log(visit: Visit) -> Answer:
    between = visit.asked.between
    entries = visit.query.log(
        visit.asked.where,
        since=between.since,
        until=between.until,
        limit=visit.asked.get("limit", ALL),
        reverse=visit.asked.get("reverse", False),
        progress=visit.progress,
    )
    return records.log_answer(entries)


def _doctor(visit: Visit) -> Answer:
    names = names_at(visit.url, visit.namespaces, unless=(ServerRefused,))

    def go_on() -> None:
        try:
            visit.progress(0, len(names))
        except TooMuchWork:
            told = f"the examination of {counted(len(names), 'namespace')} takes too long"
            raise TooMuchWork(f"{told}; ask for fewer, by namespace, or for a shorter interval") from None

    def sleep(seconds: float) -> None:
        go_on()
        time.sleep(seconds)

    seconds, idle = visit.asked.get("interval", 1), visit.asked.get("group_idle", WEEK_MS)
    return Answer(examined(Look(visit.url, seconds, idle, sleep), names, go_on=go_on))


def _one_namespace(visit: Visit) -> str:
    names = visit.namespaces
    if len(names) != 1 or is_glob(names[0]):
        raise WrongParameter("namespace", f"expected one, whose quarantine is meant, found {', '.join(names)}")
    return names[0]


def _quarantine(visit: Visit) -> Answer:
    with Quarantine(visit.url, _one_namespace(visit)) as opened:
        return list_answer(opened.entries(visit.asked.get("limit", records.USUAL)))


def _quarantined(visit: Visit) -> Answer:
    entry_id, namespace = visit.names["id"], _one_namespace(visit)
    if not is_entry_id(entry_id):
        raise WrongParameter("id", f"expected an entry id, <milliseconds>-<number>, found {entry_id!r}")
    with Quarantine(visit.url, namespace) as opened:
        return entry_answer(entry_of(opened, entry_id, namespace))


_RECORDS = (*FILTERS, *INTERVAL, _LIMIT)
_GROUPED = flag("grouped", "Count failures whose errors are alike together; takes `action` with a name, and `since`.")
_IN = Parameter("in", "The namespace that is meant, if several have the entry id.")
_REVERSE = flag("reverse", "The oldest first.")
_LOOKS = (
    whole("interval", "Seconds between two looks at what should move.", _LONGEST_LOOK),
    duration("group_idle", "After which a consumer group that nobody reads from is named"),
)

RESOURCES = (
    Resource("stats", "Everything at a glance; its rows are actions.", ("stats",), _stats, (SORT, PART, _LIMIT)),
    Resource("stats/{action:path}", "The statistics of one action.", ("stats-action",), _action),
    Resource("recent", "The latest executions that have ended.", ("recent",), _recent, _RECORDS),
    Resource(
        "failures",
        "The latest executions that have failed.",
        ("failures", "failures-grouped"),
        _failures,
        (_GROUPED, *_RECORDS),
    ),
    Resource("cleanups", "The latest cleanups.", ("cleanups",), _cleanups, _RECORDS),
    Resource(
        "in-flight",
        "What runs right now, or is presumed dead.",
        ("in-flight", "in-flight-orphans"),
        _in_flight,
        (flag("orphans", "Only what is presumed dead."), PART, _LIMIT),
    ),
    Resource("history", "What ran over time, of all actions together.", ("history",), _history, (BY, *INTERVAL)),
    Resource("history/{action:path}", "What ran over time, of one action.", ("history",), _history, (BY, *INTERVAL)),
    Resource("status", "Where the projection stands.", ("status",), _status, forms=()),
    Resource("show/{id:path}", "Everything about one run, cleanup or decision.", ("show",), _show, (_IN,), ()),
    Resource("trail/{resource:path}", "All that was done to a resource.", ("trail",), _trail, (*INTERVAL, _LIMIT)),
    Resource(
        "log",
        "The entries of the log, the newest first.",
        ("log",),
        _log,
        (*FILTERS, TYPE, *INTERVAL, _LIMIT, _REVERSE),
        ("jsonl",),
    ),
    Resource(
        "doctor", "What is wrong, and what repairs it.", ("doctor", "doctor-several"), _doctor, _LOOKS, forms=()
    ),
    Resource("namespaces", "Where each namespace stands.", ("namespaces",), _namespaces),
    Resource("scanners", "The statistics of each scanner.", ("scanners",), _scanners),
    Resource("producers", "How far the projection is with each producer.", ("producers",), _producers, (_LIMIT,)),
    Resource("quarantine", "What could not be folded.", ("quarantine-list",), _quarantine, (_LIMIT,), ()),
    Resource("quarantine/{id}", "One entry of the quarantine.", ("quarantine-show",), _quarantined, forms=()),
)
