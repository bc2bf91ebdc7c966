"""The producer: three operations, each acknowledged by the server before the call returns."""

from __future__ import annotations

import math
import os
import time
import weakref
from collections.abc import Callable
from typing import Any, Literal, NoReturn

from producer.connection import (
    DEFAULT_SECONDS,
    Client,
    RedisError,
    client_of,
    is_answer,
    is_refusal,
    reason_of,
    renew_locks,
    send_once,
)
from producer.errors import InvalidOperation, WalRefused, WalUnavailable
from producer.execution import Execution, Tracked
from producer.identity import Identity
from producer.operations import OUTPUT_BYTES, TEXT_BYTES, Operation, encode, operation_of
from producer.receipt import Receipt
from producer.truncation import text_of, truncate, truncate_bytes
from producer.wal import ACKED, BY, DEFAULT_NAMESPACE, OP, SEQ, wal_key

__all__ = ["Producer"]

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5
_SHORTEST_WAIT = 0.1
"""For a reply: an attempt that begins just before time is up shall know its outcome, if the server answers."""
_LARGEST_OUTPUT = 160 << 10
"""JSON may write a byte in six; more would not always fit the largest operation."""


class Producer:
    """Appends operations to `{namespace}:wal`. Nothing is sent on construction. Safe under threads and fork.

    `url_or_client`: a Redis URL, a redis-py client (Redis, RedisCluster, Sentinel's `master_for`), or None for
    `WAL_URL`. A call returns once the server has acknowledged the operation; a lost reply is retried under the
    same sequence number for `timeout` seconds, then WalUnavailable is raised; that takes `timeout` in all, and at
    most one attempt to connect more. (A client object keeps its own time-out and retries when it connects.)
    `output` is cut to `output_bytes`, its end kept.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        timeout: float = DEFAULT_SECONDS,
        output_bytes: int = OUTPUT_BYTES,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_timeout(timeout)
        _check_output_bytes(output_bytes)
        self._key = wal_key(namespace).encode()
        self.namespace = namespace
        self._client, self._owned = client_of(url_or_client, timeout=timeout)
        self._timeout = timeout
        self._output_bytes = output_bytes
        self._clock = clock
        self._monotonic = monotonic
        self._identity = Identity()
        _producers.add(self)

    # -- the operations --

    def action_execution_started(
        self,
        action_id: str,
        source: str,
        execution_type: str,
        *,
        execution_id: str | None = None,
        at: int | None = None,
    ) -> Receipt:
        """Record that `action_id` was started by `source`; `at` is epoch milliseconds, now by default."""
        return self._record(
            {
                "type": "action_execution_started",
                "action_id": action_id,
                "source": source,
                "execution_type": execution_type,
                "started_at": self._now() if at is None else at,
                "execution_id": execution_id,
            }
        )

    def action_execution_completed(
        self,
        action_id: str,
        success: bool,
        *,
        output: str | bytes | None = None,
        error: str | None = None,
        duration_ms: float,
        execution_id: str | None = None,
        at: int | None = None,
    ) -> Receipt:
        """Record that a run of `action_id` ended after `duration_ms` milliseconds (a float is floored).

        `output` and `error` are cut to their bound, their end kept; what is no UTF-8 is replaced.
        """
        return self._record(
            {
                "type": "action_execution_completed",
                "action_id": action_id,
                "success": success,
                "output": self._fit("output", output, self._output_bytes),
                "error": self._fit("error", error, TEXT_BYTES),
                "duration_ms": _whole("duration_ms", duration_ms),
                "completed_at": self._now() if at is None else at,
                "execution_id": execution_id,
            }
        )

    def cleanup_executed(
        self,
        scanner_id: str,
        resource_id: str,
        action: str,
        success: bool,
        *,
        error: str | None = None,
        at: int | None = None,
    ) -> Receipt:
        """Record that `scanner_id` did `action` (delete, release, archive, …) to `resource_id`."""
        return self._record(
            {
                "type": "cleanup_executed",
                "scanner_id": scanner_id,
                "resource_id": resource_id,
                "action": action,
                "success": success,
                "error": self._fit("error", error, TEXT_BYTES),
                "executed_at": self._now() if at is None else at,
            }
        )

    def execution(
        self,
        action_id: str,
        *,
        source: str,
        execution_type: str = "command",
        execution_id: str | None = None,
        on_unavailable: Literal["raise", "log"] = "raise",
    ) -> Execution:
        """A run of `action_id`, for `with` and `async with`: its start is recorded before the body, its end after.

        With `on_unavailable="raise"` the body does not run when the start cannot be recorded; with `"log"` it runs
        all the same and the trouble goes to the logger `producer`.
        """
        return Execution(
            self,
            action_id,
            source=source,
            execution_type=execution_type,
            execution_id=execution_id,
            on_unavailable=on_unavailable,
            monotonic=self._monotonic,
        )

    def tracked(
        self,
        action_id: str,
        *,
        source: str,
        execution_type: str = "task",
        on_unavailable: Literal["raise", "log"] = "raise",
    ) -> Tracked:
        """Decorate a function or coroutine function: each call is an execution of `action_id`."""
        return Tracked(self, action_id, source=source, execution_type=execution_type, on_unavailable=on_unavailable)

    def resend(self, error: WalUnavailable) -> Receipt:
        """Repeat the operation of `error` under its own sequence number: it counts once, however often sent."""
        return self._send(
            error.operation,
            encode(error.operation),
            error.receipt.by,
            error.receipt.seq,
            error.acked,
            doubtful=not isinstance(error, WalRefused),
        )

    def close(self) -> None:
        """Close the connections, if the producer made them. Every operation was acknowledged or raised already."""
        if self._owned:
            self._client.close()

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Producer cannot be pickled, since two processes must not share its sequence numbers: "
            "make one in each process (pass the URL instead)"
        )

    def _begin_process(self) -> None:
        """In a forked child: an identity of its own, and no lock that a thread of the parent may have held."""
        self._identity = Identity()
        renew_locks(self._client)

    # -- the way to the server --

    def _record(self, fields: dict[str, Any]) -> Receipt:
        for name, value in fields.items():
            if value.__class__ is str and not value.isascii():
                fields[name] = text_of(value)
        operation = operation_of(fields)
        raw = encode(operation)  # whatever is invalid has raised by now: no number is used up
        identity = self._identity
        seq, acked = identity.take(self._monotonic())
        return self._send(operation, raw, identity.by, seq, acked, doubtful=False)

    def _send(self, operation: Operation, raw: bytes, by: str, seq: int, acked: int, *, doubtful: bool) -> Receipt:
        """Send until it is acknowledged or refused, or time is up. `doubtful`: it may have landed before."""
        identity = self._identity
        left = self._timeout
        deadline = self._monotonic() + left
        pause = _FIRST_PAUSE
        while True:
            try:
                entry_id: bytes = send_once(
                    self._client, "XADD", self._key, "*", OP, raw, BY, by, SEQ, seq, ACKED, acked, seconds=left
                )
            except RedisError as error:
                now = self._monotonic()
                acked = min(acked, identity.disturbed(now))
                doubtful = doubtful or not is_answer(error)
                refused = is_refusal(error)
                if refused or now + pause > deadline:
                    # It is known not to have landed only when each attempt was answered.
                    kind = WalRefused if refused and not doubtful else WalUnavailable
                    raise kind(
                        reason_of(error, self._client),
                        operation=operation,
                        receipt=Receipt(by, seq, None),
                        acked=acked,
                    ) from error
                time.sleep(pause)
                left = max(deadline - now - pause, _SHORTEST_WAIT)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                identity.acknowledge(by, seq, self._monotonic())
                return Receipt(by, seq, entry_id.decode())

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _fit(self, field: str, value: object, limit: int) -> str | None:
        if value is None:
            return None
        if isinstance(value, str):
            return truncate(text_of(value), limit)
        if isinstance(value, bytes):
            return truncate_bytes(value, limit)
        raise InvalidOperation(field, "str or bytes", f"a value of type {type(value).__name__}")


_producers: weakref.WeakSet[Producer] = weakref.WeakSet()


def _after_fork() -> None:
    for producer in list(_producers):
        producer._begin_process()


# When the hook runs the child has one thread, so that its identity is made once, whatever the parent was doing.
os.register_at_fork(after_in_child=_after_fork)


def _whole(field: str, value: object) -> object:
    """A float floored; anything else as it is, for the contract to judge."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidOperation(field, "a finite number of milliseconds", str(value))
        return math.floor(value)
    return value


def _check_timeout(value: float) -> None:
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"timeout: expected more than 0 seconds, found {value!r}")


def _check_output_bytes(value: int) -> None:
    if not isinstance(value, int) or not 0 <= value <= _LARGEST_OUTPUT:
        raise ValueError(f"output_bytes: expected 0 to {_LARGEST_OUTPUT}, found {value!r}")
