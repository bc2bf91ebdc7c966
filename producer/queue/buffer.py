"""The queue in memory: bounded, faster than a file, and lost with the process."""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from producer.durability import ACKNOWLEDGED, check_seconds
from producer.errors import BufferFull
from producer.identity import Identity
from producer.operations import decode
from producer.queue.queue import Backlog, Numbered
from producer.text.wording import waiting


class Buffer:
    """Holds at most `limit` operations; an `append` beyond waits up to `patience` seconds, then raises BufferFull.

    Raises ValueError for bounds that make no sense.
    """

    level = ACKNOWLEDGED
    """The operations leave by their own producer's forwarder alone, which knows the durability that it asks for."""

    def __init__(self, identity: Identity, namespace: str, *, limit: int, patience: float) -> None:
        if not isinstance(limit, int) or limit < 1:
            raise ValueError(f"buffer: expected a number of operations from 1, found {limit!r}")
        check_seconds("buffer_timeout", patience)
        self.identity = identity
        self.namespace = namespace
        self.last = 0
        self.removed = 0
        self._limit = limit
        self._patience = patience
        self._operations: deque[Numbered] = deque()
        self._closed = False
        # Its lock is reentrant, because a signal handler may record while its thread holds the lock.
        self._room = threading.Condition()

    @property
    def waiting(self) -> int:
        return len(self._operations)

    @property
    def backlog(self) -> Backlog:
        with self._room:
            operations, first = len(self._operations), next(iter(self._operations), None)
        # Its own time: to keep another for each would cost all calls, for the few looks that there are.
        return Backlog(operations=operations, oldest_at=None if first is None else decode(first[1]).moment[1])

    def append(self, op: bytes, at: int) -> int:  # noqa: ARG002 - only a spool bounds the age
        operations = self._operations
        with self._room:
            if self._closed or len(operations) >= self._limit:
                self._wait_for_room()
            self.last = seq = self.last + 1
            operations.append((seq, op))
            if operations[-1][0] != self.last:  # a signal handler appended between these two lines
                in_order = sorted(operations)
                operations.clear()
                operations.extend(in_order)
        return seq

    def batch(self, count: int, size: int) -> list[Numbered]:
        with self._room:
            first = list(islice(self._operations, count))
        total = 0
        for at, (_, op) in enumerate(first):
            total += len(op)
            if total > size and at:
                return first[:at]
        return first

    def bind(self) -> None:
        """Nothing to do: no other process can send the operations."""

    def remove(self, sent: Sequence[Numbered], acked: int) -> None:  # noqa: ARG002 - no other process carries on
        operations = self._operations
        with self._room:
            self.removed = sent[-1][0]
            for _ in sent:
                operations.popleft()
            self._room.notify_all()

    def tend(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        with self._room:
            self._closed = True
            self._room.notify_all()

    def _wait_for_room(self) -> None:
        self._room.wait_for(lambda: self._closed or len(self._operations) < self._limit, self._patience)
        if self._closed:
            raise BufferFull("the producer was closed: make another")
        if len(self._operations) >= self._limit:
            raise BufferFull(
                f"{waiting(self._limit)} in memory, and none left within {self._patience:g} s: "
                "the server is away or slow"
            )
