"""A producer's identity, its sequence numbers, and the number up to which it may claim acknowledgement."""

import os
import secrets
import socket
import threading
from bisect import bisect_right
from collections import deque
from itertools import count
from typing import NamedTuple

SETTLE_SECONDS = 60.0
"""How old an acknowledgement must be before `acked` claims it.

A claimed number is never `missing`. A failover can take back what the old master acknowledged in the moments before:
if it was claimed at once, the loss would be invisible. The claim matters only to a producer that the projector has
forgotten after a long silence, so a minute does no harm.
"""

_UNMERGED = 4096
"""How many acknowledgements may wait to be merged. A dropped one only keeps the claim from growing."""


class Receipt(NamedTuple):
    """Names an operation in the log: the producer id `by`, its sequence number `seq`, and the id of its entry.

    `entry_id` (`<ms>-<n>`) is None if the producer has not seen the acknowledgement.
    """

    by: str
    seq: int
    entry_id: str | None


class Identity:
    """One producer's `by`, and its numbers from 1, one for each attempted operation. A forked child needs its own.

    Safe under threads and in signal handlers, because no method waits for a lock. `now` is monotonic seconds.
    """

    def __init__(self) -> None:
        host = socket.gethostname().encode("utf-8", "replace")[:200].decode("utf-8", "ignore")
        self.by = f"{host}:{os.getpid()}:{secrets.token_hex(16)}"
        self._numbers = count(1)
        self._arrived: deque[tuple[int, int]] = deque(maxlen=_UNMERGED)
        self._merging = threading.Lock()
        self._prefix = 0  # every number up to it is acknowledged
        self._above: list[list[int]] = []  # ranges acknowledged above the prefix, ascending, apart
        self._acknowledged_at = 0.0
        self._disturbed = False  # since the latest acknowledgement
        self._claim = 0
        self._candidate, self._candidate_at = 0, 0.0  # becomes the claim once it has settled

    def take(self, now: float) -> tuple[int, int]:
        """(the next number, the number up to which it may claim acknowledgement)."""
        return next(self._numbers), self.claim(now)

    def acknowledge(self, first: int, last: int, now: float) -> None:
        """The server has acknowledged all numbers from `first` to `last`."""
        self._acknowledged_at = now
        self._disturbed = False
        self._arrived.append((first, last))
        if self._merging.acquire(blocking=False):  # else the merging thread takes it along, or the next caller
            try:
                while self._arrived:
                    self._merge(*self._arrived.popleft())
            finally:
                self._merging.release()

    def disturbed(self, now: float) -> int:
        """The connection broke, maybe by a failover: claim nothing new for a while. Returns the claim."""
        self._disturbed = True
        self._candidate, self._candidate_at = self._claim, now
        return self._claim

    def claim(self, now: float) -> int:
        """The number up to which an entry that is sent `now` may claim acknowledgement."""
        if now - self._acknowledged_at >= SETTLE_SECONDS and not self._disturbed:
            return self._prefix  # for this entry only: the next need no more than the claim
        if now - self._candidate_at >= SETTLE_SECONDS:
            self._claim = max(self._claim, self._candidate)
            self._candidate, self._candidate_at = self._prefix, now
        return self._claim

    def _merge(self, first: int, last: int) -> None:
        # Ranges, not a set: a number that is never acknowledged holds the prefix back for good.
        above = self._above
        at = bisect_right(above, first, key=lambda span: span[0])
        if last <= self._prefix or (at and last <= above[at - 1][1]):
            return
        if at < len(above) and above[at][0] == last + 1:
            last = above.pop(at)[1]
        if first <= self._prefix + 1:
            self._prefix = last
        elif at and above[at - 1][1] >= first - 1:
            above[at - 1][1] = last
        else:
            above.insert(at, [first, last])


class FormerIdentity:
    """The identity of a producer whose operations another sends. It claims what the producer itself noted last."""

    def __init__(self, by: str, acked: int) -> None:
        self.by = by
        self._acked = acked

    def claim(self, _now: float) -> int:
        return self._acked

    def acknowledge(self, _first: int, _last: int, _now: float) -> None:
        """Do nothing: the claim does not grow."""

    def disturbed(self, _now: float) -> int:
        return self._acked
