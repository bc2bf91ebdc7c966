"""The producer: it validates three kinds of operations and gives them to a delivery, which sends them to the log."""

from __future__ import annotations

import logging
import math
import os
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NoReturn, TypeVar

from producer.connection.client import DEFAULT_SECONDS, Client, client_of
from producer.delivery.delivery import delivery_of
from producer.durability import Durability, check_seconds
from producer.errors import InvalidOperation, Unacknowledged, Unavailable
from producer.execution.execution import Execution
from producer.execution.heartbeat import Heartbeat
from producer.execution.tracked import tracked
from producer.identity import Receipt
from producer.operations import OUTPUT_BYTES, TEXT_BYTES, encode_fields
from producer.process_end import at_process_end, expect_process_end
from producer.spool.options import Spool
from producer.text.redaction import Redact, fitted
from producer.text.truncation import text_of
from producer.wal import DEFAULT_NAMESPACE, HEARTBEAT_SECONDS

_F = TypeVar("_F", bound=Callable[..., Any])

_LARGEST_OUTPUT = 160 << 10
"""JSON may write a byte in six; more would not always fit the largest operation."""


class Producer:
    """Appends operations to `{namespace}:wal`. Safe under threads and fork. `output` is cut to `output_bytes`.

    `url_or_client`: a Redis URL, a redis-py client (Redis, RedisCluster, Sentinel's `master_for`), or None for
    `WAL_URL`. Nothing is sent on construction. An operation goes one of three ways:

    - Directly: a call returns once the server has acknowledged its operation. The producer repeats an operation whose
      reply was lost under the same sequence number for `timeout` seconds, then raises WalUnavailable. (A call takes
      `timeout`, and one attempt to connect more. A client object keeps its own time-out and retries for connecting.)
    - By a `spool`, a directory or a `Spool` with options: a call returns once its operation is in a local file, and a
      thread forwards it. Waiting operations survive this process. They go to the namespace that they were recorded
      for at this server and no other: the next producer on the directory whose server has the same address forwards
      them.
    - By a `buffer` of so many operations, in memory: the fastest way, but the operations end with the process. A call
      that finds the buffer full waits for up to `buffer_timeout` seconds (5 unless given), then raises BufferFull.

    `durability`: how safe an operation must be. If the server does not make it so in time, a direct call raises
    NotYetDurable; in a spool or buffer the operation stays, and its thread asks again. UnusableServer names a server
    that cannot do it at all: a direct call raises it before anything is sent; otherwise `flush` does, and the calls
    of a buffer do, once the thread has found it out. (A spool goes on taking operations.)

    `redact` is given each output and error before anything of it is written, and returns what may be recorded;
    `producer.redact_secrets` is such a function. A heartbeat lives for `heartbeat_ttl` seconds.

    Raises UnusableServer, SpoolUnusable, and ValueError for options that do not go together.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        spool: Spool | str | os.PathLike[str] | None = None,
        buffer: int | None = None,
        buffer_timeout: float | None = None,
        durability: Durability | None = None,
        timeout: float = DEFAULT_SECONDS,
        output_bytes: int = OUTPUT_BYTES,
        redact: Redact | None = None,
        heartbeat_ttl: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        check_seconds("timeout", timeout)
        if not isinstance(output_bytes, int) or not 0 <= output_bytes <= _LARGEST_OUTPUT:
            raise ValueError(f"output_bytes: expected 0 to {_LARGEST_OUTPUT}, found {output_bytes!r}")
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
        self._delivery = delivery_of(
            self._client,
            namespace,
            spool=None if spool is None else Spool.of(spool),
            buffer=buffer,
            buffer_timeout=buffer_timeout,
            durability=Durability() if durability is None else durability,
            timeout=timeout,
            vetted=self._heartbeat.vetted,
            monotonic=monotonic,
        )
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
        """Record that `source` started `action_id` at `at` (epoch milliseconds, now by default)."""
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

        `output` and `error` are cut to their bounds, keeping their ends; bytes that are no UTF-8 are replaced.
        """
        if isinstance(duration_ms, float) and math.isfinite(duration_ms):  # else the contract judges it
            duration_ms = math.floor(duration_ms)
        return self._record(
            {
                "type": "action_execution_completed",
                "action_id": action_id,
                "success": success,
                "output": fitted("output", output, self._output_bytes, self._redact),
                "error": fitted("error", error, TEXT_BYTES, self._redact),
                "duration_ms": duration_ms,
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
                "error": fitted("error", error, TEXT_BYTES, self._redact),
                "executed_at": self._now() if at is None else at,
            }
        )

    def resend(self, error: Unacknowledged) -> Receipt:
        """Send the operation of `error` again, under its own sequence number: it counts once, however often sent."""
        return self._delivery.resend(error)

    # -- runs --

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

        If the start cannot be recorded, the body does not run with `on_unavailable="raise"`; with `"log"` it runs all
        the same, and the logger `producer` is told why.

        The producer beats while the run is open, and the start says so: if the process dies, the projector will
        presume the run dead. If the producer is closed or the interpreter ends before the run, the run is recorded as
        failed with `producer exited`.
        """
        return Execution(
            action_id,
            begin=self.begin,
            end=self.end,
            record_end=self.action_execution_completed,
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
    ) -> Callable[[_F], _F]:
        """Decorate a function or coroutine function: each call is an execution of `action_id`."""
        options: dict[str, Any] = {"execution_type": execution_type, "on_unavailable": on_unavailable}
        return partial(tracked, execution=partial(self.execution, action_id, source=source, **options))

    def begin(self, run: Execution) -> Receipt:
        """Record that `run` has started, and beat until its `end`. Entering the run calls this."""
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
        """Why nobody will notice if a run dies: the server refuses heartbeats. None if it does not, so far."""
        return self._heartbeat.refusal

    # -- waiting operations, and the end --

    @property
    def trouble(self) -> str | None:
        """Why operations in the spool or buffer cannot be forwarded at present; None if they can."""
        return self._delivery.trouble

    def flush(self, timeout: float = DEFAULT_SECONDS, *, leftovers: bool = True, attempts: float = math.inf) -> bool:
        """Whether all operations recorded so far have arrived, as safely as was asked, within `timeout` seconds.

        With a spool, the `leftovers` of dead producers have to arrive, too. The producer gives up earlier if so many
        `attempts` to send have failed. Raises UnusableServer if the server cannot make them as safe as was asked.
        """
        return self._delivery.flush(timeout, leftovers=leftovers, attempts=attempts)

    def close(self, timeout: float = DEFAULT_SECONDS) -> None:
        """Forward waiting operations within `timeout` seconds, and close the connections that the producer made.

        Open runs are recorded as failed with `producer exited`. Operations that still wait stay in a spool, for the
        next producer; those in a buffer are lost. The logger `producer` is told of both. Leaving a `with` block and
        the end of the process close the producer, too.
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

    def _abandon_runs(self) -> None:
        for run in self._heartbeat.runs():
            try:
                run.abandon("producer exited")
            except Unavailable as error:
                logging.getLogger("producer").warning("runs stay open, since the producer exits: %s", error)
                return  # the other runs would fail in the same way, after as long a wait

    def _record(self, fields: dict[str, Any]) -> Receipt:
        try:
            raw = encode_fields(fields)
        except InvalidOperation:  # maybe for a lone surrogate, which is replaced; no sequence number was used
            texts = {name: text_of(value) for name, value in fields.items() if isinstance(value, str)}
            raw = encode_fields(fields | texts)
        return self._delivery.record(fields["type"], raw, self._now())

    def _now(self) -> int:
        return int(self._clock() * 1000)


_producers: weakref.WeakSet[Producer] = weakref.WeakSet()


def _abandon_all() -> None:
    for producer in list(_producers):
        producer._abandon_runs()


def _after_fork() -> None:
    for producer in list(_producers):
        producer._delivery.begin_process()
        producer._heartbeat.begin_process()


at_process_end(_abandon_all)
# By a hook, which runs while the child has one thread: its identity is made once, whatever the parent was doing.
os.register_at_fork(after_in_child=_after_fork)
