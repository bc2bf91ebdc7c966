"""The number of partitions, written down at the first use of a namespace, so that all its producers have the same."""

from __future__ import annotations

from typing import Any

from redis.exceptions import RedisError

from producer.connection.client import Client, renew_locks, where
from producer.connection.wire import Wire
from producer.errors import UnusableServer
from producer.partitions.naming import partitions_key, read_partitions_key
from producer.text.wording import counted
from producer.wal import wal_key


class Agreement:
    """That `namespace` has `count` partitions. `client` reaches the node that has the namespace itself.

    Safe under threads: two that ask at once do so twice. Once it is reached, nothing is sent any more, and a number
    that somebody writes later is not noticed.
    """

    def __init__(self, client: Client, namespace: str, count: int) -> None:
        self._client = client
        self._namespace = namespace
        self._count = count
        self._key = partitions_key(namespace)
        self._is_reached = False

    def reach(self, seconds: float) -> None:
        """Read the number, or write it down if there is none; the server has `seconds` for each reply.

        Raises UnusableServer, whose text names the cure, for another number, and for a namespace that has operations
        and no number: their log would go on beside the partitions. Raises RedisError for other trouble.
        """
        if self._is_reached:
            return
        wire = Wire(self._client, self._key.encode())
        try:
            number, length = _asked(wire, [("GET", self._key), ("XLEN", wal_key(self._namespace))], seconds)
            if number is None and not length:
                number = self._write_down(wire, seconds)
        finally:
            wire.close()  # it is needed once
        if number is None:
            raise self._refused(
                f"{counted(length, 'entry', 'entries')} without partitions in {wal_key(self._namespace)}"
            )
        if number != b"%d" % self._count:
            raise self._refused(f"{number.decode(errors='replace')} in {self._key}")
        self._is_reached = True

    def begin_process(self) -> None:
        """In a forked child: take locks that no thread of the parent holds."""
        renew_locks(self._client)

    def _write_down(self, wire: Wire, seconds: float) -> bytes:
        """The number that stands there now: ours, or that of who came first."""
        # SETNX, because an account may be allowed it without being allowed to replace a number.
        writing = [("SETNX", key, self._count) for key in (self._key, read_partitions_key(self._namespace))]
        *_, executed = _asked(wire, [("MULTI",), *writing, ("GET", self._key), ("EXEC",)], seconds)
        number: bytes = executed[-1]
        return number

    def _refused(self, found: str) -> UnusableServer:
        return UnusableServer(
            f"partitions: expected {self._count} of namespace {self._namespace}, found {found} at "
            f"{where(self._client)}; give the producer the number that is there, or end all producers of the "
            f"namespace and run: projector repartition {self._count} --namespace {self._namespace}"
        )


def _asked(wire: Wire, commands: list[tuple[str | int, ...]], seconds: float) -> list[Any]:
    """The replies to `commands`; raises the first that is an error."""
    wire.send(commands)
    replies = wire.answers(len(commands), seconds)
    for reply in (*replies, *(replies[-1] if isinstance(replies[-1], list) else ())):
        if isinstance(reply, RedisError):
            raise reply
    return replies
