"""Batches of operations sent on one connection, each awaited until it is as safe as it must be."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from redis.exceptions import RedisError

from producer.connection.client import Client, where
from producer.connection.wire import Wire
from producer.durability import Durability, prove_fsync
from producer.queue.queue import Numbered, Queue, Vetted
from producer.wal import append_command, wal_key

Command = tuple[Any, ...]

_PIECE_BYTES = 900 << 10
"""A server may be configured to close a client that has queued a MiB (client-query-buffer-limit)."""
_ENTRY_BYTES = 400
"""What an entry has beside its operation, at most."""


class Sender:
    """Sends to the server that `client` reaches. For one thread. Raises a RedisError for all trouble on the way.

    `unsafe(queue, error)` is called if a batch is in the log, but not as safe in time as it must be: the sender waits
    for it again, unless `unsafe` raises. `agree(seconds)` precedes each batch.
    """

    def __init__(
        self,
        client: Client,
        *,
        timeout: float,
        unsafe: Callable[[Queue, RedisError], None],
        monotonic: Callable[[], float] = time.monotonic,
        agree: Callable[[float], None] | None = None,
    ) -> None:
        self.delivered = 0
        """How many operations have arrived."""
        self._client = client
        self._timeout = timeout
        self._unsafe = unsafe
        self._monotonic = monotonic
        self._agree = agree
        self._is_proven = False
        self._may_open = True  # a transaction
        self._key = b""
        self._wire = Wire(client, b"")

    def open(self) -> None:
        """Connect, if there is no connection."""
        self._wire.open()

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def send(self, queue: Queue, batch: Sequence[Numbered], durability: Durability, *, vetted: Vetted) -> None:
        """Send `batch`, as `vetted` gives it, and remove it from `queue` once it is as safe as `durability` has it.

        If that raises, the operations that have arrived until then are removed. Raises UnusableServer, before
        anything is sent, if the server cannot make the batch that safe.
        """
        identity = queue.identity
        confirming = durability.commands
        arrived = 0
        try:
            self._connect(queue.namespace, durability)
            self._wire.open()
            queue.bind()
            key, by, acked = self._key, identity.by, identity.claim(self._monotonic())
            for piece, after in _pieces(vetted(batch), confirming):
                self._append([append_command(key, op, by, seq, acked) for seq, op in piece], after)
                arrived += len(piece)
            # On the connection that sent the batch, because the server knows the durability of no other.
            while (shortfall := durability.confirm(self._wire, seconds=self._timeout)) is not None:
                self._unsafe(queue, RedisError(shortfall))
                self._wire.send(confirming)
        except BaseException:
            # Nobody knows how safe operations are that were still to be confirmed.
            if arrived and not confirming:
                self._remove(queue, batch[:arrived])
            identity.disturbed(self._monotonic())
            raise
        self._remove(queue, batch)

    def _append(self, entries: list[Command], after: Sequence[Command]) -> None:
        """Append `entries`, all or none: a refusal that passes must put no number behind a later one. The replies to
        the commands `after` them are left to be read. Raises the server's refusal."""
        if len(entries) == 1 or not self._may_open:
            self._wire.send([*entries, *after])
            replies = self._wire.answers(len(entries), self._timeout)
        else:
            self._wire.send([("MULTI",), *entries, ("EXEC",), *after])
            opened, *queued, executed = self._wire.answers(len(entries) + 2, self._timeout)
            # Without MULTI, for which a producer's account of before may have no right, each stood for itself.
            if isinstance(opened, RedisError):
                self._may_open, replies = False, queued
            elif isinstance(executed, list):
                replies = executed
            else:
                self._may_open, replies = "NOPERM" not in str(executed), [*queued, executed]
        refusal = next((reply for reply in replies if isinstance(reply, RedisError)), None)
        if refusal is not None:
            self._wire.close()
            raise refusal

    def _connect(self, namespace: str, durability: Durability) -> None:
        if self._agree is not None:
            self._agree(self._timeout)
        key = wal_key(namespace).encode()
        if key != self._key:  # on a cluster another log may be at another node
            self._wire.close()
            self._key, self._wire = key, Wire(self._client, key)
        if durability.fsync and not self._is_proven:
            prove_fsync(self._wire, where(self._client), seconds=self._timeout)
            self._is_proven = True

    def _remove(self, queue: Queue, sent: Sequence[Numbered]) -> None:
        now = self._monotonic()
        first, last = sent[0][0], sent[-1][0]
        if last - first == len(sent) - 1:  # else the queue dropped numbers between them, which nobody may claim
            queue.identity.acknowledge(first, last, now)
        self.delivered += len(sent)
        queue.remove(sent, queue.identity.claim(now))


def _pieces(
    entries: Iterable[Numbered], confirming: list[Command]
) -> Iterator[tuple[list[Numbered], Sequence[Command]]]:
    """`entries` in pieces that a server takes between MULTI and EXEC, and what to send behind each of them."""
    piece: list[Numbered] = []
    size = 0
    for entry in entries:
        size += len(entry[1]) + _ENTRY_BYTES
        if piece and size > _PIECE_BYTES:
            yield piece, ()
            piece, size = [], len(entry[1]) + _ENTRY_BYTES
        piece.append(entry)
    yield piece, confirming
