"""The way that a producer's operations take to the log: sent at once, or by a spool or a buffer and a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from producer.connection.client import Client
from producer.delivery.direct import Direct
from producer.durability import Durability
from producer.identity import Identity

if TYPE_CHECKING:
    from producer.delivery.deferred import Deferred
    from producer.delivery.forwarder import Forwarder
    from producer.queue.queue import Queue, Vetted
    from producer.spool.leftovers import Leftovers
    from producer.spool.options import Spool

_BUFFER_SECONDS = 5.0
"""How long a call waits for room in a full buffer, unless the caller says."""


def delivery_of(
    client: Client,
    namespace: str,
    *,
    spool: Spool | None,
    buffer: int | None,
    buffer_timeout: float | None,
    durability: Durability,
    timeout: float,
    vetted: Vetted,
    monotonic: Callable[[], float],
) -> Direct | Deferred:
    """Open the way that the options ask for. The modules of the other ways are not even imported.

    Raises ValueError for options that do not go together, SpoolUnusable for the spool's directory.
    """
    if spool is not None and buffer is not None:
        raise ValueError("found both a spool and a buffer: an operation can wait in one of them")
    if buffer is None and buffer_timeout is not None:
        raise ValueError(f"found buffer_timeout={buffer_timeout!r} without a buffer: pass buffer=… too, or neither")
    direct = Direct(client, namespace, timeout=timeout, durability=durability, monotonic=monotonic)
    open_queue: Callable[[Identity], Queue]
    open_leftovers: Callable[[], Leftovers] | None = None
    if spool is not None:
        from producer.connection.destination import Destination
        from producer.spool.directory import SpoolDirectory
        from producer.spool.leftovers import Leftovers

        spool = replace(spool, destination=spool.destination or Destination.of(client))
        directory = SpoolDirectory(spool, level=durability)
        open_queue = partial(directory.create, namespace=namespace)
        open_leftovers = partial(Leftovers, directory, monotonic=monotonic)
    elif buffer is not None:
        from producer.queue.buffer import Buffer

        patience = _BUFFER_SECONDS if buffer_timeout is None else buffer_timeout
        open_queue = partial(Buffer, namespace=namespace, limit=buffer, patience=patience)
    else:
        return direct

    from producer.delivery.deferred import Deferred
    from producer.delivery.forwarder import Forwarder

    def begin() -> tuple[Queue, Forwarder]:
        queue = open_queue(Identity())
        forwarder = Forwarder(
            client,
            queue,
            leftovers=None if open_leftovers is None else open_leftovers(),
            durability=durability,
            timeout=timeout,
            vetted=vetted,
            monotonic=monotonic,
        )
        return queue, forwarder

    return Deferred(begin, direct, outlives=spool is not None)
