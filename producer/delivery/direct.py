"""The direct way: each operation sent by the caller's own thread, and waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from redis.exceptions import ResponseError

from producer.connection.client import (
    Client,
    RedisError,
    is_answer,
    is_refusal,
    reason_of,
    renew_locks,
    where,
)
from producer.connection.wire import Wire, send_once
from producer.delivery.fsync import prove_fsync
from producer.durability import Durability
from producer.errors import NotYetDurable, Unacknowledged, WalRefused, WalUnavailable
from producer.identity import Identity
from producer.pause import Pause
from producer.receipt import Receipt
from producer.wal import append_command, wal_key

__all__ = ["Direct"]

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5
_SHORTEST_WAIT = 0.1
"""For a reply: an attempt that begins just before time is up shall know its outcome, if the server answers."""


class Direct:
    """Sends operations to the log of `namespace`, each until it is acknowledged or refused, or `timeout` is over."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        timeout: float,
        durability: Durability,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._key = wal_key(namespace).encode()
        self._timeout = timeout
        self._durability = durability
        self._level = durability.commands
        self._unproven = durability.fsync
        self._monotonic = monotonic
        self.identity = Identity()

    @property
    def by(self) -> str:
        return self.identity.by

    def record(self, kind: str, raw: bytes, at: int) -> Receipt:  # noqa: ARG002 - it does not wait
        """Send an operation of the type `kind`, whose bytes are `raw`, under the next number."""
        if self._unproven:
            self._prove()
        identity = self.identity
        seq, acked = identity.take(self._monotonic())
        return self._send(kind, raw, Receipt(identity.by, seq, None), acked, doubtful=False)

    def resend(self, error: Unacknowledged) -> Receipt:
        """Send the operation of `error` again, under its own number."""
        return self._send(
            error.type, error.raw, error.receipt, error.acked, doubtful=not isinstance(error, WalRefused)
        )

    @property
    def trouble(self) -> str | None:
        """None: it was raised."""
        return None

    def flush(self, timeout: float, *, leftovers: bool, attempts: float) -> bool:  # noqa: ARG002 - nothing waits
        """Each operation was acknowledged or raised already."""
        return True

    def close(self, timeout: float) -> None:
        """Nothing to do."""

    def begin_process(self) -> None:
        """In a forked child: an identity of its own, and no lock that a thread of the parent may have held."""
        self.identity = Identity()
        renew_locks(self._client)

    def _send(self, kind: str, raw: bytes, receipt: Receipt, acked: int, *, doubtful: bool) -> Receipt:
        """Send until the operation is acknowledged or refused, or time is up. `doubtful`: it may have landed before.

        `receipt` has an entry's id if it is known to have landed before.
        """
        identity = self.identity
        by, seq, _ = receipt
        left = self._timeout
        deadline = self._monotonic() + left
        pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=time.sleep)
        while True:
            try:
                entry_id, shortfall = self._attempt(raw, by, seq, acked, left)
                receipt = Receipt(by, seq, entry_id.decode())
                if isinstance(shortfall, RedisError):
                    raise shortfall
            except RedisError as error:
                now = self._monotonic()
                acked = min(acked, identity.disturbed(now))
                doubtful = doubtful or not is_answer(error)
                refused = is_refusal(error)
                if refused or now + pause.seconds > deadline:
                    kind_of_error: type[Unacknowledged] = WalUnavailable
                    if receipt.entry_id is not None:
                        kind_of_error = NotYetDurable
                    elif refused and not doubtful:  # each attempt was answered
                        kind_of_error = WalRefused
                    reason = reason_of(error, self._client)
                    raise kind_of_error(reason, type=kind, raw=raw, receipt=receipt, acked=acked) from error
                left = max(deadline - now - pause.seconds, _SHORTEST_WAIT)
                pause.wait()
            else:
                if shortfall is not None:
                    reason = f"{where(self._client)}: {shortfall}"
                    raise NotYetDurable(reason, type=kind, raw=raw, receipt=receipt, acked=acked)
                identity.acknowledge(by, seq, self._monotonic())
                return receipt

    def _attempt(
        self, raw: bytes, by: str, seq: int, acked: int, seconds: float
    ) -> tuple[bytes, str | RedisError | None]:
        """(the entry's id, what is missing of the level that was asked for, or why that is not known)."""
        command = append_command(self._key, raw, by, seq, acked)
        if not self._level:
            return send_once(self._client, *command, seconds=seconds), None
        with Wire(self._client, self._key) as wire:
            wire.send([command, *self._level])
            entry_id = wire.read(seconds)
            try:
                replies = list(wire.replies(len(self._level), seconds=self._durability.timeout + seconds))
            except ResponseError as error:
                return entry_id, str(error)
            except RedisError as error:
                return entry_id, error
            return entry_id, self._durability.shortfall(replies)

    def _prove(self) -> None:
        with suppress(RedisError), Wire(self._client, self._key) as wire:  # the operation will say it better
            prove_fsync(wire, where(self._client), seconds=self._timeout)
            self._unproven = False
