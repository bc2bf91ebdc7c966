"""Batches of operations sent on one connection, each awaited until it is as safe as it must be."""

import time
from collections.abc import Callable, Sequence
from itertools import chain

from redis.exceptions import RedisError

from producer.connection.client import Client, where
from producer.connection.wire import Wire
from producer.durability import Durability, prove_fsync
from producer.queue.queue import Numbered, Queue, Vetted
from producer.wal import append_command, wal_key


class Sender:
    """Sends to the server that `client` reaches. For one thread. Raises a RedisError for all trouble on the way.

    `unsafe(queue, error)` is called if a batch is in the log, but not as safe in time as it must be: the sender waits
    for it again, unless `unsafe` raises.
    """

    def __init__(
        self,
        client: Client,
        *,
        timeout: float,
        unsafe: Callable[[Queue, RedisError], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.delivered = 0
        """How many operations have arrived."""
        self._client = client
        self._timeout = timeout
        self._unsafe = unsafe
        self._monotonic = monotonic
        self._is_proven = False
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
            entries = (append_command(key, op, by, seq, acked) for seq, op in vetted(batch))
            self._wire.send(chain(entries, confirming))
            for _ in batch:
                self._wire.read(self._timeout)
                arrived += 1
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

    def _connect(self, namespace: str, durability: Durability) -> None:
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
