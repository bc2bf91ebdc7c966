"""What a producer has for each log that it writes to. A namespace without partitions has one."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from redis.exceptions import RedisError

from producer.connection.client import Client, client_of, where
from producer.delivery.deferred import Deferred, delivery_of
from producer.delivery.direct import Direct
from producer.delivery.standing import Standing
from producer.durability import Durability
from producer.errors import Unacknowledged
from producer.execution.execution import Execution
from producer.execution.heartbeat import Heartbeat
from producer.identity import Receipt
from producer.spool.options import Spool

Agree = Callable[[float], None]


class Partition:
    """The client, the heartbeat and the delivery of the log of `namespace`; the options are those of Producer.

    `agree(seconds)` is called before an operation is sent. `adopts`: whether it delivers what dead producers have
    left in the spool.
    """

    def __init__(
        self,
        target: str | Client | None,
        namespace: str,
        *,
        password_file: str | os.PathLike[str] | None,
        spool: Spool | str | os.PathLike[str] | None,
        buffer: int | None,
        buffer_timeout: float | None,
        durability: Durability,
        timeout: float,
        heartbeat_ttl: float,
        monotonic: Callable[[], float],
        agree: Agree | None = None,
        adopts: bool = True,
    ) -> None:
        self.client, self._owned = client_of(target, namespace, timeout=timeout, password_file=password_file)
        self._timeout = timeout
        is_direct = spool is None and buffer is None
        self._agree = agree if is_direct else None
        self.heartbeat = Heartbeat(
            self.client, namespace, waits=is_direct, timeout=timeout, ttl=heartbeat_ttl, monotonic=monotonic
        )
        self.delivery = delivery_of(
            self.client,
            namespace,
            spool=None if spool is None else Spool.of(spool),
            buffer=buffer,
            buffer_timeout=buffer_timeout,
            durability=durability,
            timeout=timeout,
            vetted=self.heartbeat.vetted,
            monotonic=monotonic,
            agree=agree,
            adopts=adopts,
        )

    @property
    def only(self) -> Direct | Deferred:
        """The delivery of all operations, if there are no other partitions."""
        return self.delivery

    @property
    def place(self) -> str:
        """Where the log is, for a person."""
        return where(self.client)

    @property
    def trouble(self) -> str | None:
        """Why waiting operations cannot be forwarded at present; None if they can."""
        return self.delivery.trouble

    @property
    def standing(self) -> Standing:
        """What has become of the operations."""
        return self.delivery.standing

    @property
    def unwatched(self) -> str | None:
        """Why the server refuses heartbeats; None if it does not, so far."""
        return self.heartbeat.refusal

    @property
    def runs(self) -> list[Execution]:
        """The open runs, in the order of their beginning."""
        return self.heartbeat.runs()

    def of(self, name: object) -> Partition:  # noqa: ARG002 - Partitions has several
        """The partition of the action or the scanner `name`."""
        return self

    def begin(self, run: Execution) -> bool:
        """Beat for `run` until its end. Returns whether its start may promise heartbeats."""
        if self._agree is not None:
            with suppress(RedisError):  # the operation's own error will say more
                self._agree(self._timeout)
        return self.heartbeat.begin(run, self.delivery.by)

    def resend(self, error: Unacknowledged) -> Receipt:
        """Send the operation of `error` again."""
        return self.delivery.resend(error)

    def flush(self, timeout: float, *, leftovers: bool, attempts: float) -> bool:
        """Whether all operations have arrived within `timeout` seconds."""
        return self.delivery.flush(timeout, leftovers=leftovers, attempts=attempts)

    def close(self, timeout: float) -> None:
        """Forward waiting operations within `timeout` seconds, let the heartbeat die, close the connections."""
        self.delivery.close(timeout)
        if self.delivery.trouble is None:
            self.heartbeat.stop()
        if self._owned:
            self.client.close()

    def begin_process(self) -> None:
        """In a forked child: leave what is the parent's to the parent."""
        self.delivery.begin_process()
        self.heartbeat.begin_process()
