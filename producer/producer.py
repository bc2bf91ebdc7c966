"""The producer: three operations, each acknowledged by the server before the call returns."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from typing import Any, Literal, NoReturn

from producer.connection import Client, RedisError, client_of, is_refusal, reason_of, send_once
from producer.errors import InvalidOperation, WalRefused, WalUnavailable
from producer.execution import Execution, Tracked
from producer.identity import Identity
from producer.operations import OUTPUT_BYTES, TEXT_BYTES, Operation, encode, operation_of
from producer.receipt import Receipt
from producer.truncation import text_of, truncate
from producer.wal import ACKED, BY, DEFAULT_NAMESPACE, OP, SEQ, wal_key

__all__ = ["Producer"]

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5


class Producer:
    """Appends operations to `{namespace}:wal`. Nothing is sent on construction. Safe under threads and fork.

    `url_or_client`: a Redis URL, a redis-py client (Redis, RedisCluster, Sentinel's `master_for`), or None for
    `WAL_URL`. A call returns once the server has acknowledged the operation; a lost reply is retried under the
    same sequence number for `timeout` seconds, then WalUnavailable is raised. (A client object keeps its own
    socket time-outs, and its own retries when it connects.) `output` is cut to `output_bytes`, its end kept.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        timeout: float = 5.0,
        output_bytes: int = OUTPUT_BYTES,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = wal_key(namespace).encode()
        self.namespace = namespace
        self._client, self._owned = client_of(url_or_client, timeout=timeout)
        self._timeout = timeout
        self._output_bytes = output_bytes
        self._clock = clock
        self._monotonic = monotonic
        self._identity = Identity()
        self._log = logging.getLogger("producer")

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
            type="action_execution_started",
            action_id=action_id,
            source=source,
            execution_type=execution_type,
            started_at=self._now() if at is None else at,
            execution_id=execution_id,
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
            type="action_execution_completed",
            action_id=action_id,
            success=success,
            output=self._fit("output", output, self._output_bytes),
            error=self._fit("error", error, TEXT_BYTES),
            duration_ms=_whole("duration_ms", duration_ms),
            completed_at=self._now() if at is None else at,
            execution_id=execution_id,
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
            type="cleanup_executed",
            scanner_id=scanner_id,
            resource_id=resource_id,
            action=action,
            success=success,
            error=self._fit("error", error, TEXT_BYTES),
            executed_at=self._now() if at is None else at,
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
        return self._send(error.operation, encode(error.operation), error.receipt.by, error.receipt.seq, error.acked)

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

    # -- the way to the server --

    def _record(self, **fields: Any) -> Receipt:
        for name, value in fields.items():
            if value.__class__ is str and not value.isascii():
                fields[name] = text_of(value)
        operation = operation_of(fields)
        raw = encode(operation)  # whatever is invalid has raised by now: no number is used up
        if self._identity.pid != os.getpid():
            self._identity = Identity()
        identity = self._identity
        seq, acked = identity.take(self._monotonic())
        return self._send(operation, raw, identity.by, seq, acked)

    def _send(self, operation: Operation, raw: bytes, by: str, seq: int, acked: int) -> Receipt:
        command = ("XADD", self._key, "*", OP, raw, BY, by, SEQ, seq, ACKED, acked)
        identity = self._identity
        deadline = self._monotonic() + self._timeout
        pause = _FIRST_PAUSE
        while True:
            try:
                entry_id: bytes = send_once(self._client, *command)
            except RedisError as error:
                identity.disturbed(self._monotonic())
                refused = is_refusal(error)
                if refused or self._monotonic() + pause > deadline:
                    kind = WalRefused if refused else WalUnavailable
                    raise kind(
                        reason_of(error, self._client),
                        operation=operation,
                        receipt=Receipt(by, seq, None),
                        acked=acked,
                    ) from error
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                if identity.by == by:
                    identity.acknowledge(seq, self._monotonic())
                return Receipt(by, seq, entry_id.decode())

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _fit(self, field: str, value: object, limit: int) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str | bytes):
            raise InvalidOperation(field, "str or bytes", f"a value of type {type(value).__name__}")
        if isinstance(value, bytes) and len(value) > 4 * limit:
            # Decode no more than can be kept: a replaced byte takes three, a kept one no less than one.
            return truncate(text_of(value[-limit:]), limit, already_cut=len(value) - limit)
        return truncate(text_of(value), limit)


def _whole(field: str, value: object) -> object:
    """A float floored; anything else as it is, for the contract to judge."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidOperation(field, "a finite number of milliseconds", str(value))
        return math.floor(value)
    return value
