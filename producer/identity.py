"""Who wrote: a producer's identity, its sequence numbers, and what it may claim to be acknowledged."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from bisect import bisect_right

__all__ = ["Identity"]

_SETTLE_SECONDS = 60.0
"""How old an acknowledgement is before it is claimed in `acked`.

A number claimed there is never `missing`. A failover to a replica can take back what the old master acknowledged
in the moments before; were that claimed at once, the loss would be invisible. Only a producer that the projector
has forgotten (evicted after long silence) needs the claim, and to that one a minute is nothing.
"""


class Identity:
    """One producer's `by`, and its numbers from 1, one per attempted operation. Safe under threads.

    It belongs to one process: after a fork `os.getpid() != pid`, and the child makes its own.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        host = socket.gethostname().encode("utf-8", "replace")[:200].decode("utf-8", "ignore")
        self.by = f"{host}:{self.pid}:{secrets.token_hex(16)}"
        self._lock = threading.Lock()
        self._last = 0
        self._prefix = 0  # every number up to it is acknowledged
        self._above: list[list[int]] = []  # ranges acknowledged above the prefix, ascending, apart
        self._acknowledged_at = 0.0
        self._claim = 0
        self._candidate, self._candidate_at = 0, 0.0

    def take(self, now: float) -> tuple[int, int]:
        """(the next number, the prefix that may be claimed as acknowledged); `now` is monotonic seconds."""
        with self._lock:
            self._last += 1
            if now - self._acknowledged_at >= _SETTLE_SECONDS:
                self._claim = self._candidate = self._prefix
                self._candidate_at = now
            elif now - self._candidate_at >= _SETTLE_SECONDS:
                self._claim = self._candidate
                self._candidate, self._candidate_at = self._prefix, now
            return self._last, self._claim

    def acknowledge(self, seq: int, now: float) -> None:
        """The server has acknowledged `seq`."""
        with self._lock:
            self._acknowledged_at = now
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

    def disturbed(self, now: float) -> None:
        """The connection broke: there may have been a failover, so claim nothing new for a while."""
        with self._lock:
            self._candidate, self._candidate_at = self._claim, now
            self._acknowledged_at = now
