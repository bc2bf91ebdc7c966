"""Runs whose producer fell silent: the active projector presumes them dead, by an operation that it appends."""

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from producer.connection.wire import pairs_of
from producer.operations import ActionExecutionOrphaned, encode
from producer.text.wording import counted
from projector.commit.link import Link, Script
from projector.commit.verdict import judge
from projector.entry_id import order_of
from projector.fold.record import in_flight_of
from projector.keys import Keys
from projector.records import InFlightRecord
from projector.worker.damage import damage_in
from projector.worker.lease import Lease

SILENCE = Script("silence")
ORPHAN = Script("orphan")

_PAGE = 1000
"""Runs in flight that one look takes in; the next look goes on behind them."""
_APPENDED = 100
"""Runs that one script presumes dead at most."""
_BEATING = b'"heartbeats":true'


class _Run(NamedTuple):
    """A run of the producer `by`, as `in_flight` holds it under `field`: `raw`, and read."""

    by: str
    field: bytes
    raw: bytes
    record: InFlightRecord


class _Silence(NamedTuple):
    """A producer is silent `since` then (monotonic), when the log ended at the entry `end`."""

    since: float
    end: str


class Orphans:
    """Looks at the runs in flight, a page at a time, and appends that the runs of silent producers are orphaned.

    A producer that lives must have been heard. So this projector has been connected without a break for as long as a
    heartbeat lives (a new session begins anew), the server took writes at every look, and the silence lasts longer
    than a producer pauses between two beats, because machines sleep and clocks leap, and then all heartbeats are gone
    at once. And the producer must not have ended its run: the checkpoint, `stands_at()`, is beyond every entry that
    the log held when the silence was found. Nothing here waits: the link hands on replies as it receives them.
    """

    def __init__(
        self,
        link: Link,
        keys: Keys,
        lease: Lease,
        stands_at: Callable[[], str],
        *,
        heartbeat_ttl: float,
        monotonic: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._link = link
        self._keys = keys
        self._lease = lease
        self._stands_at = stands_at
        self._monotonic = monotonic
        self._clock = clock
        self._lasting = heartbeat_ttl / 5  # a producer beats six times in a heartbeat's life
        self._pause = heartbeat_ttl / 24
        self._trusted_at = monotonic() + heartbeat_ttl
        self._next_look = self._trusted_at - self._lasting
        self._looking = False
        self._cursor: bytes = b"0"
        self._silent: dict[str, _Silence] = {}
        self._seen: set[str] = set()
        self._may_find = True  # a producer that beats: not after all runs were looked at, until an entry comes
        self._stirred = False  # whether an entry came since that look at all runs began
        self._log = logging.getLogger("projector")

    def look(self) -> None:
        """Look at the next page, if it is time."""
        now = self._monotonic()
        if self._looking or now < self._next_look:
            return
        self._looking = True
        self._next_look = now + self._pause
        if self._cursor == b"0":
            self._stirred = False
        self._link.request(self._page_came, "HSCAN", self._keys.in_flight, self._cursor, "COUNT", _PAGE)

    def stir(self) -> None:
        """Take note that entries came, perhaps of a producer that beats."""
        self._may_find = self._stirred = True

    @property
    def seconds_to_look(self) -> float:
        """How long it is until the next look that may find something."""
        return self._next_look - self._monotonic() if self._may_find else math.inf

    def _page_came(self, reply: Any) -> None:
        self._cursor, rows = reply
        beating = self._beating(pairs_of(rows))
        self._seen.update(beating)
        if self._cursor == b"0":
            self._silent = {by: silence for by, silence in self._silent.items() if by in self._seen}
            self._may_find = bool(self._seen) or self._stirred
            self._seen = set()
        if not beating:
            self._looking = False
            return
        keys = [self._keys.wal, self._keys.lease, *map(self._keys.heartbeat, beating)]
        command = SILENCE.command(keys, [self._lease.token, self._lease.ttl_ms])
        self._link.request(lambda reply: self._heard(reply, beating), *command)

    def _beating(self, page: dict[bytes, bytes]) -> dict[str, list[_Run]]:
        """The runs of a page that were started with heartbeats, by producer. A scan may show a row twice."""
        found: defaultdict[str, list[_Run]] = defaultdict(list)
        for field, raw in page.items():
            if _BEATING in raw:
                with damage_in(self._keys.in_flight, field.decode("utf-8", "replace")):
                    run = in_flight_of(raw)
                if run.heartbeats and run.by is not None and run.execution_id is not None:
                    found[run.by].append(_Run(run.by, field, raw, run))
        return found

    def _heard(self, reply: Any, beating: dict[str, list[_Run]]) -> None:
        self._looking = False
        if reply[0] == b"full":
            self._silent.clear()  # nobody could be heard
            return
        end, *there = judge(reply, self._keys)
        dead: list[_Run] = []
        for (by, runs), alive in zip(beating.items(), there, strict=True):
            silence = self._silent.get(by)
            if alive == "1":
                self._silent.pop(by, None)
            elif silence is None or any(order_of(run.record.entry_id) > order_of(silence.end) for run in runs):
                self._silent[by] = _Silence(self._monotonic(), end or "0-0")  # it began, or a run started since
            elif self._is_certain(silence):
                dead += runs
        for at in range(0, len(dead), _APPENDED):
            self._presume_dead(dead[at : at + _APPENDED])

    def _is_certain(self, silence: _Silence) -> bool:
        now = self._monotonic()
        return (
            now >= self._trusted_at
            and now - silence.since >= self._lasting
            and order_of(self._stands_at()) >= order_of(silence.end)
        )

    def _presume_dead(self, runs: list[_Run]) -> None:
        arguments: list[Any] = [self._lease.token]
        for run in runs:
            arguments += (run.field, run.raw, encode(self._orphaned(run.record)))
        keys = self._keys
        command = ORPHAN.command(
            [keys.wal, keys.lease, keys.in_flight, *(keys.heartbeat(run.by) for run in runs)], arguments
        )
        producers = dict.fromkeys(run.by for run in runs)
        self._link.request(lambda reply: self._presumed(reply, producers), *command)

    def _orphaned(self, run: InFlightRecord) -> ActionExecutionOrphaned:
        assert run.execution_id is not None
        return ActionExecutionOrphaned(
            action_id=run.action_id,
            execution_id=run.execution_id,
            reason=f"no heartbeat of its producer, {run.by}",
            orphaned_at=max(0, int(self._clock() * 1000)),
        )

    def _presumed(self, reply: Any, producers: Iterable[str]) -> None:
        if reply[0] == b"full":
            self._silent.clear()
            return
        count, last = judge(reply, self._keys)
        if count == "0":
            return
        for by in producers:
            if by in self._silent:  # the fold comes to what was appended first
                self._silent[by] = self._silent[by]._replace(end=last)
        self._log.warning(
            "presumed dead, since its producer fell silent: %s of %s",
            counted(int(count), "run"),
            ", ".join(producers),
        )
