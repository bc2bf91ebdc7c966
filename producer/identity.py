"""Who wrote: a producer's identity, its sequence numbers, and what it may claim to be acknowledged."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from bisect import bisect_right
from collections import deque
from itertools import count

__all__ = ["FormerIdentity", "Identity"]

SETTLE_SECONDS = 60.0
"""How old an acknowledgement is before it is claimed in `acked`.

A number claimed there is never `missing`. A failover to a replica can take back what the old master acknowledged
in the moments before; were that claimed at once, the loss would be invisible. Only a producer that the projector
has forgotten (evicted after long silence) needs the claim, and to that one a minute is nothing.
"""

_UNMERGED = 4096
"""How many acknowledgements may wait to be merged. One that is dropped only keeps the claim from growing."""


class Identity:
    """One producer's `by`, and its numbers from 1, one per attempted operation. A forked child needs another.

    Safe under threads, and in a signal handler that interrupts one of its own methods: nothing here waits for a lock.
    """

    def __init__(self) -> None:
        host = socket.gethostname().encode("utf-8", "replace")[:200].decode("utf-8", "ignore")
        self.by = f"{host}:{os.getpid()}:{secrets.token_hex(16)}"
        self._numbers = count(1)
        self._arrived: deque[int] = deque(maxlen=_UNMERGED)
        self._merging = threading.Lock()
        self._prefix = 0  # every number up to it is acknowledged
        self._above: list[list[int]] = []  # ranges acknowledged above the prefix, ascending, apart
        self._acknowledged_at = 0.0
        self._disturbed = False  # since the latest acknowledgement
        self._claim = 0
        self._candidate, self._candidate_at = 0, 0.0  # what becomes the claim once it has settled

    def take(self, now: float) -> tuple[int, int]:
        """(the next number, the prefix that may be claimed as acknowledged); `now` is monotonic seconds."""
        return next(self._numbers), self.claim(now)

    def acknowledge(self, by: str, seq: int, now: float) -> None:
        """The server has acknowledged `seq` of `by`; another's numbers are ignored."""
        if by != self.by:
            return
        self._acknowledged_at = now
        self._disturbed = False
        self._arrived.append(seq)
        if self._merging.acquire(blocking=False):  # whoever is merging takes ours along, or the next one does
            try:
                while self._arrived:
                    self._merge(self._arrived.popleft())
            finally:
                self._merging.release()

    def acknowledge_all(self, first: int, last: int, now: float) -> None:
        """The server has acknowledged these numbers, none between them left out; by one thread, instead of the above.

        What does not join what came before is not claimed: numbers between them were given up, and shall be missing.
        """
        self._acknowledged_at = now
        self._disturbed = False
        if first <= self._prefix + 1:
            self._prefix = max(self._prefix, last)

    def disturbed(self, now: float) -> int:
        """The connection broke, maybe by a failover: claim nothing new for a while. Returns what may be claimed."""
        self._disturbed = True
        self._candidate, self._candidate_at = self._claim, now
        return self._claim

    def claim(self, now: float) -> int:
        """The prefix that an entry sent `now` may claim as acknowledged."""
        if now - self._acknowledged_at >= SETTLE_SECONDS and not self._disturbed:
            return self._prefix  # for this one only: what follows it needs no more than the claim
        if now - self._candidate_at >= SETTLE_SECONDS:
            self._claim = max(self._claim, self._candidate)
            self._candidate, self._candidate_at = self._prefix, now
        return self._claim

    def _merge(self, seq: int) -> None:
        if seq == self._prefix + 1:
            self._prefix = seq
            if self._above and self._above[0][0] == seq + 1:
                self._prefix = self._above.pop(0)[1]
        elif seq > self._prefix:
            self._insert(seq)

    def _insert(self, seq: int) -> None:
        # Ranges, not a set: one number that is never acknowledged holds the prefix back for good.
        at = bisect_right(self._above, seq, key=lambda span: span[0])
        if at and seq <= self._above[at - 1][1]:
            return
        joins_left = at > 0 and self._above[at - 1][1] == seq - 1
        joins_right = at < len(self._above) and self._above[at][0] == seq + 1
        if joins_left and joins_right:
            self._above[at - 1][1] = self._above.pop(at)[1]
        elif joins_left:
            self._above[at - 1][1] = seq
        elif joins_right:
            self._above[at][0] = seq
        else:
            self._above.insert(at, [seq, seq])


class FormerIdentity:
    """A producer that is gone, whose operations another process sends: it claims what it last claimed itself."""

    def __init__(self, by: str, acked: int) -> None:
        self.by = by
        self._acked = acked

    def claim(self, _now: float) -> int:
        return self._acked

    def acknowledge_all(self, first: int, last: int, now: float) -> None:
        """Nothing more is claimed: it will not write again."""

    def disturbed(self, _now: float) -> int:
        return self._acked
