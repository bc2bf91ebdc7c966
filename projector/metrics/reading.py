"""What a scrape reads of one namespace: all that adds up from one instant, by a bounded number of commands."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from producer.connection.wire import clock_of
from producer.log import Call, Log
from projector.checkpoint import Checkpoint
from projector.connection.exchange import Command
from projector.entry_id import milliseconds_of
from projector.errors import ProjectorError, ServerUnavailable, damaged
from projector.keys import Keys
from projector.metrics.ledger import Counts, Ledger
from projector.query.histogram import Histogram
from projector.query.parsing import name_in, totals_of
from projector.query.questions import status as standing
from projector.query.questions.health.missing import missing
from projector.query.questions.question import AtOneInstant, Blocking, Each, Inquiry, Question, each
from projector.query.results import Status

_TRIES = 4
"""So often it is read anew because names have come meanwhile: the second time is usual, the first time."""
_SEALS = 5
"""So many `archive_sealed` in a row stand behind the archive's end at most, each of which nobody archives alone."""
_PATIENCE_SECONDS = 5.0
"""After so long no other namespace is asked for, if one could not be reached: a scraper waits for 10 s."""
_ENDS = (b"successes", b"failures")

_log = logging.getLogger("projector")


@dataclass(frozen=True, slots=True)
class Durations:
    """How long the runs of an action took: their histogram and their sum, in ms."""

    histogram: Histogram
    sum_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One namespace. `executions` (successes, failures, orphaned) and `cleanups` (successes, failures) are by action
    and scanner, `other` among them; `durations` without `other`. Ages are in seconds."""

    status: Status
    checkpoint: Checkpoint
    missing_unaccepted: int
    executions: dict[str, Counts]
    durations: dict[str, Durations]
    cleanups: dict[str, Counts]
    lag_seconds: float
    archive_age_seconds: float | None


class Ledgers:
    """The ledgers of one namespace: its actions and scanners, at most `bound` of each; and why the last scrape could
    not read it."""

    def __init__(self, bound: int) -> None:
        self.trouble = ""
        self.actions = Ledger(bound, 3)
        self.scanners = Ledger(bound, 2)


class _Patience:
    """With servers that do not answer: whether one `hangs`, and no time is left for other namespaces."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.hangs = False
        self._monotonic = monotonic
        self._until = monotonic() + _PATIENCE_SECONDS

    @property
    def is_over(self) -> bool:
        return self.hangs and self._monotonic() >= self._until


def readings(
    ledgers_of: Callable[[str], Ledgers], *, monotonic: Callable[[], float] = time.monotonic
) -> Inquiry[dict[str, Reading | None]]:
    """Of each namespace, by name; None for one that cannot be read, which keeps no other from it."""
    patience = _Patience(monotonic)
    return (yield from each(lambda keys: _reading_or_none(keys, ledgers_of(keys.namespace), patience)))


def _reading_or_none(keys: Keys, ledgers: Ledgers, patience: _Patience) -> Question[Reading | None]:
    if patience.is_over:
        return None
    found: Reading | None = None
    trouble = ""
    try:
        found = yield from _reading(keys, ledgers)
    except ServerUnavailable:
        patience.hangs = True  # the projector says so, and so does readiness
    except ProjectorError as error:
        trouble = str(error)  # perhaps of a row that nobody else reads
    if trouble and trouble != ledgers.trouble:
        _log.warning("no metrics of namespace %s: %s", keys.namespace, trouble)
    ledgers.trouble = trouble
    return found


def _reading(keys: Keys, ledgers: Ledgers) -> Question[Reading]:
    status = yield from standing.status(keys, room=True)
    actions = _Table(ledgers.actions, keys.actions, keys.action, (*_ENDS, b"orphaned", b"duration_ms_sum"))
    scanners = _Table(ledgers.scanners, keys.scanners, keys.scanner, _ENDS)
    for last in (False,) * (_TRIES - 1) + (True,):
        names = actions.ledger.names
        commands = [
            *(("HGETALL", keys.checkpoint), ("HGETALL", keys.totals)),
            *(*actions.commands(), *scanners.commands()),
            *[("HGETALL", keys.durations(name)) for name in names],
        ]
        checkpoint, totals, *replies = yield AtOneInstant(*commands)
        replies = actions.read(replies)
        replies = scanners.read(replies)
        grown = yield from actions.learn()
        grown |= yield from scanners.learn()
        if last or not grown:
            break
    histograms = {
        name: Histogram.of_hash(found, keys.durations(name)) for name, found in zip(names, replies, strict=True)
    }
    counted = totals_of(totals, keys.totals)
    executions = actions.ledger.settle(
        (counted.successes, counted.failures, counted.orphaned),
        {name: row[:3] for name, row in actions.rows.items()},
    )
    cleanups = scanners.ledger.settle(
        (counted.cleanups - counted.cleanup_failures, counted.cleanup_failures), scanners.rows
    )
    stands = Checkpoint.of_hash(checkpoint, keys.checkpoint) or Checkpoint()
    unaccepted = (yield from missing(keys)).unaccepted if stands.missing else 0
    lag_seconds, archive_age_seconds = yield Blocking(lambda call: _ages(call, status))
    return Reading(
        status=status,
        checkpoint=stands,
        missing_unaccepted=unaccepted,
        executions=executions,
        durations={name: Durations(histograms[name], row[3]) for name, row in actions.rows.items()},
        cleanups=cleanups,
        lag_seconds=lag_seconds,
        archive_age_seconds=archive_age_seconds,
    )


class _Table:
    """The hashes of the names under `key`, read for their `fields`."""

    def __init__(self, ledger: Ledger, key: bytes, hash_of: Callable[[str], bytes], fields: Sequence[bytes]) -> None:
        self.ledger = ledger
        self.rows: dict[str, Counts] = {}
        self._key = key
        self._hash_of = hash_of
        self._fields = fields
        self._names: list[str] = []
        self._newest: list[str] = []
        self._count = 0

    def commands(self) -> Iterable[Command]:
        """How many there are, those that changed last, and the rows of those that the ledger has."""
        self._names = self.ledger.names
        yield ("ZCARD", self._key)
        yield ("ZRANGE", self._key, 0, self.ledger.bound, "REV")
        for name in self._names:
            yield ("HMGET", self._hash_of(name), *self._fields)

    def read(self, replies: list[Any]) -> list[Any]:
        """Read the replies to `commands`; what is left of them."""
        self._count, newest, *rest = replies
        self._newest = [name_in(member, self._key) for member in newest]
        found = zip(self._names, rest, strict=False)
        self.rows = {name: self._row(name, raws) for name, raws in found if any(raws)}
        return rest[len(self._names) :]

    def learn(self) -> Question[bool]:
        """Have the ledger take what has come; whether there is something."""
        taken = self.ledger.unknown(self._newest)
        if self._count > self.ledger.bound:
            if not self.ledger.should_rank():
                return False
            taken = yield from self._ranked()
        self.ledger.take(taken)
        return bool(taken)

    def _ranked(self) -> Question[list[str]]:
        """Those without figures of their own, by the most ends, then by name: this reads all of them."""
        (members,) = yield AtOneInstant(("ZRANGE", self._key, 0, -1, "REV"))
        names = self.ledger.unknown(name_in(member, self._key) for member in members)
        replies = yield Each(*[("HMGET", self._hash_of(name), *_ENDS) for name in names])
        ends = {name: sum(self._row(name, raws)) for name, raws in zip(names, replies, strict=True)}
        self.ledger.ranked()
        return sorted(names, key=lambda name: (-ends[name], name))

    def _row(self, name: str, raws: Sequence[bytes | None]) -> Counts:
        try:
            return tuple(int(raw or 0) for raw in raws)
        except ValueError as error:
            raise damaged(self._hash_of(name), "a count that is none") from error


def _ages(call: Call, status: Status) -> tuple[float, float | None]:
    """For how many seconds the oldest entry that is not projected waits, and the oldest that is not archived."""
    log = Log(call, status.namespace)
    waiting = log.after(status.checkpoint or "", 1) if status.lag else []
    unarchived = []
    if status.archive_last_id:
        behind = log.after(status.archive_last_id, _SEALS + 1)
        unarchived = [entry for entry in behind if not any(b'"archive_sealed"' in word for word in entry[1])]
    if not (waiting or unarchived):
        return 0.0, 0.0 if status.archive_last_id else None
    now = clock_of(call("TIME"))

    def age(found: list[Any]) -> float:
        return max(0, now - milliseconds_of(found[0][0].decode())) / 1000 if found else 0.0

    return age(waiting), age(unarchived) if status.archive_last_id else None
