"""The producer: three operations, validated here, and on their way to the log by a delivery."""

from __future__ import annotations

import logging
import math
import os
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from producer.connection.client import DEFAULT_SECONDS, Client, client_of
from producer.delivery.delivery import Deliveries, Delivery
from producer.durability import Durability
from producer.errors import InvalidOperation, Unacknowledged, Unavailable
from producer.execution import Execution, Tracked
from producer.heartbeat import Heartbeat
from producer.operations import OUTPUT_BYTES, TEXT_BYTES, encoded
from producer.process_end import at_process_end, expect_process_end
from producer.receipt import Receipt
from producer.spool.bounds import DEFAULT_BYTES as DEFAULT_SPOOL_BYTES
from producer.spool.bounds import SpoolBounds
from producer.text.redaction import Redact, redacted_end
from producer.text.truncation import text_of, truncate, truncate_bytes
from producer.wal import DEFAULT_NAMESPACE, HEARTBEAT_SECONDS, wal_key

if TYPE_CHECKING:
    from producer.connection.destination import Destination

__all__ = ["Producer"]

_LARGEST_OUTPUT = 160 << 10
"""JSON may write a byte in six; more would not always fit the largest operation."""


class Producer:
    """Appends operations to `{namespace}:wal`. Safe under threads and fork. `output` is cut to `output_bytes`.

    `url_or_client`: a Redis URL, a redis-py client (Redis, RedisCluster, Sentinel's `master_for`), or None for
    `WAL_URL`. An operation goes one of three ways:

    - Directly. Nothing is sent on construction; a call returns once the server has acknowledged its operation. A lost
      reply is retried under the same sequence number for `timeout` seconds, then WalUnavailable is raised; that takes
      `timeout` in all, and at most one attempt to connect more. (A client object keeps its own time-out and retries
      when it connects.)
    - By a `spool`, a directory: a call returns once its operation is in a local file, and a thread forwards it. What
      waits survives this process, and goes to this server only: to the namespace that it was recorded for, by the
      next producer on the directory whose server has the same address (`destination`: what else is taken for the
      same). At most `spool_bytes` wait, for at most `spool_age` seconds, what dead producers left in the directory
      included; `on_full` says what happens then: "raise"
      SpoolFull, or "drop" what comes, which will show as missing. `synchronous="full"` makes each call wait for the
      disk: it survives a loss of power then.
    - By a `buffer` of so many operations, in memory: the fastest, and lost with the process. One that finds it full
      waits up to `buffer_timeout` seconds, then BufferFull is raised.

    `fsync`: an operation has to be on the server's disk (WAITAOF), `replicas`: with so many replicas (WAIT), within
    `durability_timeout` seconds: else NotYetDurable is raised, or it stays in the spool or buffer, and is waited for,
    whoever delivers it. A server that has no WAITAOF, or no AOF, is named by UnusableServer: by a direct call before
    anything is sent; else by `flush`, and by the calls of a buffer, once the thread has found it out. (What a spool
    takes in meanwhile is kept.)

    `redact` sees each output and error before anything of it is written; `producer.redact_secrets` is one.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        spool: str | os.PathLike[str] | None = None,
        destination: Destination | None = None,
        spool_bytes: int = DEFAULT_SPOOL_BYTES,
        spool_age: float | None = None,
        on_full: Literal["raise", "drop"] = "raise",
        synchronous: Literal["normal", "full"] = "normal",
        buffer: int | None = None,
        buffer_timeout: float = 5.0,
        fsync: bool = False,
        replicas: int = 0,
        durability_timeout: float = DEFAULT_SECONDS,
        timeout: float = DEFAULT_SECONDS,
        output_bytes: int = OUTPUT_BYTES,
        redact: Redact | None = None,
        heartbeat_ttl: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_seconds("timeout", timeout)
        _check_seconds("heartbeat_ttl", heartbeat_ttl)
        _check_output_bytes(output_bytes)
        _check_way(spool, buffer, buffer_timeout)
        key = wal_key(namespace).encode()
        bounds = SpoolBounds(bytes=spool_bytes, age=spool_age, on_full=on_full)
        durability = Durability(fsync=fsync, replicas=replicas, timeout=durability_timeout)
        self.namespace = namespace
        self._client, self._owned = client_of(url_or_client, timeout=timeout)
        self._output_bytes = output_bytes
        self._redact = redact
        self._clock = clock
        self._monotonic = monotonic
        self._heartbeat = Heartbeat(
            self._client,
            namespace,
            waits=spool is None and buffer is None,
            timeout=timeout,
            ttl=heartbeat_ttl,
            monotonic=monotonic,
        )
        deliveries = Deliveries(
            self._client,
            namespace,
            key=key,
            timeout=timeout,
            durability=durability,
            vetted=self._heartbeat.vetted,
            monotonic=monotonic,
        )
        self._delivery: Delivery
        if spool is not None:
            self._delivery = deliveries.spooled(
                spool, destination=destination, bounds=bounds, synchronous=synchronous
            )
        elif buffer is not None:
            self._delivery = deliveries.buffered(buffer, patience=buffer_timeout)
        else:
            self._delivery = deliveries.direct()
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

        While it is open this producer beats, and its start says so: if the process dies, the projector will presume
        the run dead. A run still open when the producer is closed, or the interpreter ends, has failed with `producer
        exited`.
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

    def begin(self, run: Execution) -> Receipt:
        """Record that `run` has started, and beat until its `end`. Entering it does this."""
        expect_process_end()
        promises = self._heartbeat.begin(run, self._delivery.by)
        return self._record(
            {
                "type": "action_execution_started",
                "action_id": run.action_id,
                "source": run.source,
                "execution_type": run.execution_type,
                "started_at": self._now(),
                "execution_id": run.execution_id,
                "heartbeats": promises or None,
            }
        )

    def end(self, run: Execution) -> None:
        """Beat no more for `run`, whose end is about to be recorded."""
        self._heartbeat.end(run)

    @property
    def unwatched(self) -> str | None:
        """Why a run that dies will not be noticed: heartbeats are refused. None when they are not, so far."""
        return self._heartbeat.refusal

    def resend(self, error: Unacknowledged) -> Receipt:
        """Repeat the operation of `error` under its own sequence number: it counts once, however often sent."""
        return self._delivery.resend(error)

    @property
    def trouble(self) -> str | None:
        """Why what waits in the spool or buffer cannot be forwarded at present; None when it can."""
        return self._delivery.trouble

    def flush(self, timeout: float = DEFAULT_SECONDS, *, leftovers: bool = True, attempts: float = math.inf) -> bool:
        """Whether all that was recorded so far has arrived, as safely as was asked for, within `timeout` seconds.

        What was recorded directly has. With a spool it is about the `leftovers` of dead producers, too. It gives up
        earlier when so many `attempts` to send something have failed. Raises UnusableServer where it cannot arrive as
        safely as was asked for.
        """
        return self._delivery.flush(timeout, leftovers=leftovers, attempts=attempts)

    def close(self, timeout: float = DEFAULT_SECONDS) -> None:
        """Forward what waits in the spool or buffer, within `timeout` seconds; close connections of its own making.

        Runs that are still open have failed with `producer exited`.
        What then still waits in a spool stays there, for the next producer; in a buffer it is lost, and the logger
        `producer` is told. After a `with` block, and when the process ends of itself, this is done too.
        """
        self._abandon_runs()
        self._delivery.close(timeout)
        if self._delivery.trouble is None:
            self._heartbeat.stop()
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
        self._delivery.begin_process()
        self._heartbeat.begin_process()

    def _abandon_runs(self) -> None:
        for run in self._heartbeat.runs():
            try:
                run.abandon("producer exited")
            except Unavailable as error:
                logging.getLogger("producer").warning("runs stay open, since the producer exits: %s", error)
                return  # it would be the same for the others, and take as long again

    # -- one way for all operations --

    def _record(self, fields: dict[str, Any]) -> Receipt:
        try:
            raw = encoded(fields)
        except InvalidOperation:  # no number is used up; and if it was for a lone surrogate, that is replaced
            texts = {name: text_of(value) for name, value in fields.items() if isinstance(value, str)}
            raw = encoded(fields | texts)
        return self._delivery.record(fields["type"], raw, self._now())

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _fit(self, field: str, value: object, limit: int) -> str | None:
        if value is None:
            return None
        if self._redact is not None and isinstance(value, str | bytes):
            return redacted_end(value, limit, self._redact)
        if isinstance(value, str):
            if len(value) <= limit and value.isascii():
                return value  # as nearly all are
            return truncate(text_of(value), limit)
        if isinstance(value, bytes):
            return truncate_bytes(value, limit)
        raise InvalidOperation(field, "str or bytes", f"a value of type {type(value).__name__}")


_producers: weakref.WeakSet[Producer] = weakref.WeakSet()


def _abandon_all() -> None:
    for producer in list(_producers):
        producer._abandon_runs()


def _after_fork() -> None:
    for producer in list(_producers):
        producer._begin_process()


at_process_end(_abandon_all)
# When the hook runs the child has one thread, so that its identity is made once, whatever the parent was doing.
os.register_at_fork(after_in_child=_after_fork)


def _whole(field: str, value: object) -> object:
    """A float floored; anything else as it is, for the contract to judge."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidOperation(field, "a finite number of milliseconds", str(value))
        return math.floor(value)
    return value


def _check_seconds(name: str, value: float) -> None:
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{name}: expected more than 0 seconds, found {value!r}")


def _check_way(spool: object, buffer: int | None, buffer_timeout: float) -> None:
    if spool is not None and buffer is not None:
        raise ValueError("found both a spool and a buffer: an operation can wait in one of them")
    if buffer is not None and (not isinstance(buffer, int) or buffer < 1):
        raise ValueError(f"buffer: expected a number of operations from 1, found {buffer!r}")
    _check_seconds("buffer_timeout", buffer_timeout)


def _check_output_bytes(value: int) -> None:
    if not isinstance(value, int) or not 0 <= value <= _LARGEST_OUTPUT:
        raise ValueError(f"output_bytes: expected 0 to {_LARGEST_OUTPUT}, found {value!r}")
