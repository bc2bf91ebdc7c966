"""The ways that an operation can take to the log: sent at once, or by a spool or a buffer and a thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from producer.connection.client import Client
from producer.delivery.direct import Direct
from producer.durability import Durability
from producer.errors import Unacknowledged
from producer.receipt import Receipt

if TYPE_CHECKING:
    from producer.connection.destination import Destination
    from producer.delivery.forwarded import Forwarded
    from producer.delivery.forwarder import Forwarder
    from producer.identity import Identity
    from producer.queue import Queue, Vetted
    from producer.spool.bounds import SpoolBounds
    from producer.spool.file import Synchronous
    from producer.spool.leftovers import Leftovers

__all__ = ["Deliveries", "Delivery"]


class Delivery(Protocol):
    """One of the ways."""

    @property
    def by(self) -> str:
        """Who records, at present: a forked child is another."""

    def record(self, kind: str, raw: bytes, at: int) -> Receipt:
        """Take an operation of the type `kind`, whose bytes are `raw`, recorded `at` (epoch ms)."""

    def resend(self, error: Unacknowledged) -> Receipt:
        """Repeat the operation of `error` under its own number."""

    @property
    def trouble(self) -> str | None:
        """Why what waits cannot arrive at present, if so."""

    def flush(self, timeout: float, *, leftovers: bool, attempts: float) -> bool:
        """Whether all that waits has arrived; given up after `timeout` seconds, or so many attempts that failed."""

    def close(self, timeout: float) -> None:
        """Let what waits arrive, within `timeout` seconds; take no more."""

    def begin_process(self) -> None:
        """In a forked child: begin anew, with an identity of its own."""


class Deliveries:
    """Makes them. Those that are not asked for are not even imported."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        key: bytes,
        timeout: float,
        durability: Durability,
        vetted: Vetted,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._timeout = timeout
        self._durability = durability
        self._vetted = vetted
        self._monotonic = monotonic
        self._direct = Direct(client, key, timeout=timeout, durability=durability, monotonic=monotonic)

    def direct(self) -> Direct:
        return self._direct

    def buffered(self, limit: int, *, patience: float) -> Forwarded:
        from producer.delivery.buffer import Buffer
        from producer.delivery.forwarded import Forwarded

        def open_queue(identity: Identity) -> Buffer:
            return Buffer(identity, self._namespace, limit=limit, patience=patience)

        return Forwarded(open_queue, self._forwarder, self._direct, outlives=False)

    def spooled(
        self,
        path: str | os.PathLike[str],
        *,
        destination: Destination | None,
        bounds: SpoolBounds,
        synchronous: Synchronous,
    ) -> Forwarded:
        from producer.connection.destination import Destination
        from producer.delivery.forwarded import Forwarded
        from producer.spool.directory import SpoolDirectory
        from producer.spool.leftovers import Leftovers

        if destination is None:
            destination = Destination.of(self._client)
        directory = SpoolDirectory(
            path, destination, bounds=bounds, level=self._durability.level, synchronous=synchronous
        )

        def open_queue(identity: Identity) -> Queue:
            return directory.create(identity, self._namespace)

        def open_forwarder(queue: Queue) -> Forwarder:
            return self._forwarder(queue, Leftovers(directory, monotonic=self._monotonic))

        return Forwarded(open_queue, open_forwarder, self._direct, outlives=True)

    def _forwarder(self, queue: Queue, leftovers: Leftovers | None = None) -> Forwarder:
        from producer.delivery.forwarder import Forwarder

        return Forwarder(
            self._client,
            queue,
            leftovers=leftovers,
            durability=self._durability,
            timeout=self._timeout,
            vetted=self._vetted,
            monotonic=self._monotonic,
        )
