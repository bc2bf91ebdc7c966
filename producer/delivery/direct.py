"""The direct way: the caller's own thread sends each operation, and waits for the acknowledgement."""

import logging
import time
from asyncio import _get_running_loop
from collections.abc import Callable
from contextlib import suppress

from redis.exceptions import RedisError, ResponseError

from producer.connection.client import Client, is_answer, is_refusal, reason_of, renew_locks, where
from producer.connection.pause import Pause
from producer.connection.wire import Wire, send_once
from producer.delivery.standing import Standing
from producer.delivery.tally import Tally
from producer.durability import Durability, prove_fsync
from producer.errors import NotYetDurable, Unacknowledged, WalRefused, WalUnavailable
from producer.identity import Identity, Receipt
from producer.wal import append_command, wal_key

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5
_SHORTEST_WAIT = 0.1
"""For a reply: an attempt that begins just before time is up learns its outcome, too, if the server answers."""
_HOLDS_UP_A_LOOP = (
    "a call waits for the server in the thread of a running event loop, and holds the loop up: "
    "use `async with producer.execution(…)`, or call a producer that has a spool (`spool=…`); this is told once"
)

_log = logging.getLogger("producer")


class Direct:
    """Sends each operation to the log of `namespace` until it is acknowledged or refused, or `timeout` is over.

    `agree(seconds)` precedes each attempt. A call raises its UnusableServer before the operation has a number, unless
    the server was away at first.
    """

    trouble = None
    """Nothing ever waits: the call of an operation raises its trouble."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        timeout: float,
        durability: Durability,
        monotonic: Callable[[], float] = time.monotonic,
        agree: Callable[[float], None] | None = None,
    ) -> None:
        self._client = client
        self._key = wal_key(namespace).encode()
        self._timeout = timeout
        self._durability = durability
        self._confirming = durability.commands
        self._agree = agree
        self._unproven = durability.fsync or agree is not None
        self._monotonic = monotonic
        self._has_warned = False
        self.identity = Identity()
        self.recorded, self.refused = Tally(), Tally()

    @property
    def standing(self) -> Standing:
        """What has become of the operations."""
        return Standing(recorded=self.recorded.value, refused=self.refused.value)

    @property
    def by(self) -> str:
        """The producer id under which operations are recorded at present; a forked child has another."""
        return self.identity.by

    def record(self, kind: str, raw: bytes, at: int) -> Receipt:  # noqa: ARG002 - a queue needs it
        """Send an operation of the type `kind`, whose bytes are `raw`, under the next number."""
        try:
            left = self._prove() if self._unproven else self._timeout
            identity = self.identity
            seq, acked = identity.take(self._monotonic())
            receipt = self._send(kind, raw, identity.by, seq, acked, left)
        except BaseException:
            self.refused.add()
            raise
        self.recorded.add()
        return receipt

    def resend(self, error: Unacknowledged) -> Receipt:
        """Send the operation of `error` again, under its own number."""
        by, seq, landed = error.receipt
        doubtful = not isinstance(error, WalRefused)
        receipt = self._send(
            error.type, error.raw, by, seq, error.acked, self._timeout, landed=landed, doubtful=doubtful
        )
        self.recorded.add()
        return receipt

    def flush(self, timeout: float, *, leftovers: bool, attempts: float) -> bool:  # noqa: ARG002 - nothing waits
        """Each operation was acknowledged, or its call raised."""
        return True

    def close(self, timeout: float) -> None:
        """Nothing to do."""

    def begin_process(self) -> None:
        """In a forked child: take another identity, new counts, and locks that no thread of the parent holds."""
        self.identity = Identity()
        self.recorded, self.refused = Tally(), Tally()
        renew_locks(self._client)

    def _send(
        self,
        kind: str,
        raw: bytes,
        by: str,
        seq: int,
        acked: int,
        left: float,
        *,
        landed: str | None = None,
        doubtful: bool = False,
    ) -> Receipt:
        """Send the operation `seq` of `by` until it is acknowledged or refused, or `left` seconds are over.

        `landed`: the id of its entry, if it is known to have landed before; `doubtful`: it may have.
        """
        # Not get_running_loop, which raises where there is none: in nearly every call.
        if not self._has_warned and _get_running_loop() is not None:
            self._has_warned = True
            _log.warning("%s", _HOLDS_UP_A_LOOP)
        identity = self.identity
        deadline = self._monotonic() + left
        pause: Pause | None = None
        while True:
            entry_id, error = self._attempt(raw, by, seq, acked, left)
            landed = entry_id or landed
            if error is None:
                if by == identity.by:
                    identity.acknowledge(seq, seq, self._monotonic())
                return Receipt(by, seq, landed)
            now = self._monotonic()
            acked = min(acked, identity.disturbed(now))
            doubtful = doubtful or not is_answer(error)
            refused = is_refusal(error)
            pause = pause or Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=time.sleep)
            if refused or now + pause.seconds > deadline:
                break
            left = max(deadline - now - pause.seconds, _SHORTEST_WAIT)
            pause.wait()
        fate: type[Unacknowledged] = WalRefused if refused and not doubtful else WalUnavailable
        if landed is not None:
            fate = NotYetDurable
        reason, receipt = reason_of(error, self._client), Receipt(by, seq, landed)
        raise fate(reason, type=kind, raw=raw, receipt=receipt, acked=acked) from error

    def _attempt(
        self, raw: bytes, by: str, seq: int, acked: int, seconds: float
    ) -> tuple[str | None, RedisError | None]:
        """Append once. Returns (the entry's id if the server told it, why the operation is not as safe as asked)."""
        command = append_command(self._key, raw, by, seq, acked)
        entry_id = None
        try:
            if self._agree is not None:
                self._agree(seconds)
            if not self._confirming:
                return send_once(self._client, *command, seconds=seconds).decode(), None
            with Wire(self._client, self._key) as wire:
                wire.send([command, *self._confirming])
                entry_id = wire.read(seconds).decode()
                shortfall = self._durability.confirm(wire, seconds=seconds)
        except RedisError as error:
            return entry_id, error
        # The server's own answer: asking again at once would not change it.
        return entry_id, None if shortfall is None else ResponseError(shortfall)

    def _prove(self) -> float:
        """How many seconds are left for the operation, whose own error will say more if the server is away."""
        began = self._monotonic()
        try:
            if self._agree is not None:
                self._agree(self._timeout)
        except RedisError:
            return max(self._timeout - (self._monotonic() - began), _SHORTEST_WAIT)
        with suppress(RedisError):
            if self._durability.fsync:
                with Wire(self._client, self._key) as wire:
                    prove_fsync(wire, where(self._client), seconds=self._timeout)
            self._unproven = False
        return self._timeout
