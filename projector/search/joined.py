"""Records made from the log, where it is read backwards: the end of a run comes first, and waits for its start.

They are those that the fold would make, by its own functions. What runs do to each other under one key is played anew
from each start on: which end takes which run, and whether there was one that could be presumed dead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.json import Decoder

from producer.log import Entry
from producer.operations import (
    ActionExecutionCompleted,
    ActionExecutionOrphaned,
    ActionExecutionStarted,
    CleanupExecuted,
)
from producer.wal import OP
from projector.fold.entry import Entry as Read
from projector.fold.entry import read_entry
from projector.fold.fold import execution_key
from projector.fold.record import as_dataclass, record_of_cleanup, record_of_end, run_of_start
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from projector.search.filter import TYPES, Filter
from projector.search.scan import Scan
from projector.search.sieve import sieve_of

_R = TypeVar("_R", bound=ActionExecutionRecord | CleanupRecord)

_DAY_MS = 86_400_000
"""By which the clocks of a producer and of the server may differ."""
_OF_RUNS = {TYPES[name] for name in ("started", "completed", "orphaned", "resolved")}
_UNKNOWN: Any = object()
"""Whether a run was presumed dead before is not known yet."""


class _Part(Struct, gc=False):
    """What is decoded of an entry that may matter."""

    type: str | None = None
    action_id: str | None = None
    execution_id: str | None = None
    success: bool | None = None
    duration_ms: int | None = None


_part_of = Decoder(_Part).decode


class _Found(Generic[_R]):
    """An entry of which a record may be made; it `waits` until that is known."""

    __slots__ = ("of_the_dead", "read", "record", "waits", "wanted")

    def __init__(self, read: Read, *, wanted: bool = True) -> None:
        self.read = read
        self.wanted = wanted
        self.waits = True
        self.of_the_dead = False
        """It ends a run that was presumed dead, because none was in flight."""
        self.record: _R | None = None

    def settle(self, record: _R | None) -> None:
        self.waits, self.record = False, record


class Gathering(Generic[_R]):
    """Gathers the records that are wanted, from pages of entries that come newest first."""

    def __init__(self) -> None:
        self._found: list[_Found[_R]] = []
        self._numbered: dict[tuple[str, int], _Found[_R]] = {}

    @property
    def earliest(self) -> float:
        """The time (epoch ms) down to which there may be a start that an end waits for."""
        return inf

    def add(self, page: list[Entry], *, wanted: bool) -> None:
        """Take the entries; if they are not `wanted`, only for what they tell about ends that wait."""
        raise NotImplementedError

    def finish(self) -> None:
        """No entry comes any more."""

    def records(self) -> Iterator[_R]:
        """The newest first, up to the first that waits."""
        for found in self._found:
            if found.waits:
                return
            if found.record is not None:
                yield found.record

    def _keep(self, found: _Found[_R]) -> _Found[_R] | None:
        """Add `found`. Returns the later one with the same number of the same producer: the first counted."""
        self._found.append(found)
        if found.read.by is None:
            return None
        number = found.read.by, found.read.seq
        later = self._numbered.get(number)
        self._numbered[number] = found
        if later is not None:
            later.settle(None)
        return later


class Cleanups(Gathering[CleanupRecord]):
    """The cleanups that `where` wants."""

    def __init__(self, where: Filter) -> None:
        super().__init__()
        self._scan = Scan(replace(where, type="cleanup"))

    def add(self, page: list[Entry], *, wanted: bool) -> None:
        for read in self._scan.of_page(page) if wanted else ():
            assert isinstance(read.operation, CleanupExecuted)
            found: _Found[CleanupRecord] = _Found(read)
            found.settle(as_dataclass(CleanupRecord, record_of_cleanup(read, read.operation)))
            self._keep(found)


class Executions(Gathering[ActionExecutionRecord]):
    """The executions that `where` wants."""

    def __init__(self, where: Filter) -> None:
        super().__init__()
        of_an_end = Filter(action=where.action, success=where.success, longer_than_ms=where.longer_than_ms)
        self._sieve = sieve_of(of_an_end)
        self._may_be_wanted = of_an_end.test()
        self._is_wanted = replace(where, grep=None).test()
        self._says = Filter(grep=where.grep).test()
        self._waiting: dict[str, list[_Found[ActionExecutionRecord]]] = {}

    @property
    def earliest(self) -> float:
        return min((_earliest(end.read) for ends in self._waiting.values() for end in ends), default=inf)

    def add(self, page: list[Entry], *, wanted: bool) -> None:
        for entry_id, fields in page:
            if not self._waiting and (not wanted or (self._sieve is not None and not self._sieve(fields))):
                continue
            try:
                part = _part_of(fields[fields[::2].index(OP) * 2 + 1])
            except (ValueError, RecursionError):
                continue  # the fold has no record of it either
            if part.type not in _OF_RUNS or part.action_id is None:
                continue
            key = execution_key(part.action_id, part.execution_id)
            is_wanted = wanted and part.type != TYPES["started"] and self._may_be_wanted(part, None)
            if is_wanted or key in self._waiting:
                self._take(key, read_entry(entry_id, fields), wanted=is_wanted)

    def finish(self) -> None:
        for key in list(self._waiting):
            self._play(key, None, None)

    def _take(self, key: str, read: Read, *, wanted: bool) -> None:
        if isinstance(read.operation, ActionExecutionStarted):
            self._play(key, run_of_start(read, read.operation), _UNKNOWN)
        elif read.operation is not None:
            end: _Found[ActionExecutionRecord] = _Found(read, wanted=wanted)
            later = self._keep(end)
            waiting = [each for each in self._waiting.get(key, ()) if each is not later]
            self._waiting[key] = [*waiting, end]

    def _play(self, key: str, run: InFlightRecord | None, dead: Any) -> None:
        """What waits under `key`, the oldest first, where `run` has started, and `dead` is presumed dead."""
        still: list[_Found[ActionExecutionRecord]] = []
        for end in reversed(self._waiting.pop(key, [])):
            taken = None
            if isinstance(end.read.operation, ActionExecutionOrphaned):
                if run is not None:
                    taken = dead = run
                    run = None
            elif run is not None and not end.of_the_dead:
                taken, run = run, None
            elif dead is _UNKNOWN:
                end.of_the_dead, dead = True, None
                still.insert(0, end)
                continue
            else:
                taken, dead = dead, None
            end.settle(self._record(end, taken))
        if still:
            self._waiting[key] = still

    def _record(self, end: _Found[ActionExecutionRecord], run: InFlightRecord | None) -> ActionExecutionRecord | None:
        record = record_of_end(end.read, run) if end.wanted else None
        if record is None or not self._is_wanted(record, record.by):
            return None
        says = self._says(record, record.by) or self._says(end.read.operation, record.by)  # its output
        return record if says else None


def _earliest(read: Read) -> int:
    """Before which the run cannot have started."""
    operation = read.operation
    if isinstance(operation, ActionExecutionCompleted):
        return operation.completed_at - operation.duration_ms - _DAY_MS
    return 0
