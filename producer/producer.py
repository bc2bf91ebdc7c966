"""The producer: it validates three kinds of operations and gives them to a delivery, which sends them to the log."""

from __future__ import annotations

import math
import os
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from producer.connection.client import DEFAULT_SECONDS, Client
from producer.delivery.standing import Standing
from producer.durability import Durability, check_seconds
from producer.errors import InvalidOperation, Unacknowledged
from producer.execution.execution import Execution, abandon, enclosing, tracked
from producer.execution.labels import Labels, carried, checked_labels, merged_labels
from producer.execution.threads import Threads
from producer.execution.trace_context import traced
from producer.identity import Receipt
from producer.operations import OUTPUT_BYTES, TEXT_BYTES, encode_fields
from producer.partitions.partition import Partition
from producer.process_end import at_process_end, expect_process_end
from producer.spool.options import Spool
from producer.text.moment import moment_of
from producer.text.redaction import Redact, fitted, fitted_command
from producer.wal import DEFAULT_NAMESPACE, HEARTBEAT_SECONDS

if TYPE_CHECKING:
    from producer.partitions.partitions import Partitions

_F = TypeVar("_F", bound=Callable[..., Any])

_LARGEST_OUTPUT = 160 << 10
"""JSON may write a byte in six; more would not always fit the largest operation."""


class Producer:
    """Appends operations to `{namespace}:wal`. Safe under threads and fork. `output` is cut to `output_bytes`.

    `url_or_client`: a Redis URL, a redis-py client (Redis, RedisCluster, Sentinel's `master_for`), or None for
    `WAL_URL`. `password_file` holds the URL's password, and each new connection reads it anew. Nothing is sent on
    construction. An operation goes one of three ways:

    - Directly: a call returns once the server has acknowledged its operation. The producer repeats an operation whose
      reply was lost, under the same sequence number, for `timeout` seconds; then the call raises WalUnavailable. (A
      call takes `timeout`, and one attempt to connect more. A client object keeps its own options for connecting.)
    - By a `spool`, a directory or a `Spool` with options: a call returns once its operation is in a local file, and a
      thread forwards it. Waiting operations survive this process. They go to the address and namespace for which they
      were recorded and no other: the next producer there on the same directory forwards them.
    - By a `buffer` of so many operations, in memory: the fastest way, but the operations end with the process. A call
      waits up to `buffer_timeout` seconds (5 unless given) for room, then raises BufferFull.

    `durability`: how safe an operation must be. If the server does not make it so in time, a direct call raises
    NotYetDurable; in a spool or buffer the operation stays, and its thread asks again. UnusableServer names a server
    that cannot do it at all: a direct call raises it before anything is sent; otherwise `flush` does, and the calls
    of a buffer do, once the thread has found it out. (A spool goes on taking operations.)

    `redact` is given each output, error and command before anything of it is written, and returns what may be
    recorded; `producer.redact_secrets` is such a function, and redacts a command if there is no `redact`.

    `labels` (at most 16, as `{"host": "db1"}`) say who and what. Each start and each cleanup has them; labels of a
    call are merged over them. An end has only its own, because the record of a run has those of its start.

    `partitions` (1 to 1000): operations go to as many logs, those of the namespaces `otters.00`, `otters.01`, …, by a
    stable hash of their action, or of a cleanup its scanner. The bounds of a spool or buffer hold for each partition.
    All producers need the same number: the first writes it down, and one with another raises UnusableServer as for
    the durability. The text names the way to grow. A number that changes later is not noticed: end the producers
    before `projector repartition`.

    A heartbeat lives for `heartbeat_ttl` seconds. An `at` before the year 2000 or more than a day ahead of the clock
    raises InvalidOperation, unless `allow_odd_times`. The constructor raises UnusableServer, SpoolUnusable,
    InvalidOperation for bad labels, and ValueError for options that do not go together.
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
        password_file: str | os.PathLike[str] | None = None,
        partitions: int | None = None,
        output_bytes: int = OUTPUT_BYTES,
        redact: Redact | None = None,
        labels: Labels | None = None,
        heartbeat_ttl: float = HEARTBEAT_SECONDS,
        allow_odd_times: bool = False,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        check_seconds("timeout", timeout)
        if not isinstance(output_bytes, int) or not 0 <= output_bytes <= _LARGEST_OUTPUT:
            raise ValueError(f"output_bytes: expected 0 to {_LARGEST_OUTPUT}, found {output_bytes!r}")
        self.namespace = namespace
        self._output_bytes = output_bytes
        self._redact = redact
        self._labels = checked_labels(labels)
        self._allow_odd_times = allow_odd_times
        self._clock = clock
        self._monotonic = monotonic
        open_one = partial(
            Partition,
            timeout=timeout,
            password_file=password_file,
            spool=spool,
            buffer=buffer,
            buffer_timeout=buffer_timeout,
            durability=durability or Durability(),
            heartbeat_ttl=heartbeat_ttl,
            monotonic=monotonic,
        )
        self._log: Partition | Partitions
        if partitions is None:
            self._log = open_one(url_or_client, namespace)
        else:
            from producer.partitions.partitions import Partitions

            self._log = Partitions(url_or_client, namespace, partitions, open_one=open_one)
        self._delivery = self._log.only
        self._threads = Threads()
        self._way = "directly" if buffer is None else f"by a buffer of {buffer:,}"
        if spool is not None:
            self._way = f"by the spool {os.fspath(Spool.of(spool).directory)}"
        _producers.add(self)

    # -- the operations --

    def action_execution_started(
        self,
        action_id: str,
        source: str,
        execution_type: str,
        *,
        execution_id: str | None = None,
        command: str | None = None,
        attempt: int | None = None,
        labels: Labels | None = None,
        at: int | datetime | None = None,
    ) -> Receipt:
        """Record that `source` started `action_id` at `at` (epoch ms or an aware datetime, now by default).

        `command` is a command line, redacted and cut to 4096 bytes, keeping its beginning; `attempt` counts from 1.
        """
        now = self._now()
        return self._record(
            {
                "type": "action_execution_started",
                "action_id": action_id,
                "source": source,
                "execution_type": execution_type,
                "started_at": moment_of("started_at", at, now=now, allow_odd=self._allow_odd_times),
                "execution_id": execution_id,
                "command": fitted_command(command, TEXT_BYTES, self._redact),
                "attempt": attempt,
                "labels": traced(merged_labels(labels, self._labels)),
            },
            now,
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
        exit_code: int | None = None,
        labels: Labels | None = None,
        at: int | datetime | None = None,
    ) -> Receipt:
        """Record that a run of `action_id` ended after `duration_ms` milliseconds (a float is floored).

        `output` and `error` are cut to their bounds, keeping their ends; bytes that are no UTF-8 are replaced. The
        entry has just these `labels`, none of the producer's.
        """
        if isinstance(duration_ms, float) and math.isfinite(duration_ms):  # else the contract judges it
            duration_ms = math.floor(duration_ms)
        now = self._now()
        return self._record(
            {
                "type": "action_execution_completed",
                "action_id": action_id,
                "success": success,
                "output": fitted("output", output, self._output_bytes, self._redact),
                "error": fitted("error", error, TEXT_BYTES, self._redact),
                "duration_ms": duration_ms,
                "completed_at": moment_of("completed_at", at, now=now, allow_odd=self._allow_odd_times),
                "execution_id": execution_id,
                "exit_code": exit_code,
                "labels": merged_labels(labels),
            },
            now,
        )

    def cleanup_executed(
        self,
        scanner_id: str,
        resource_id: str,
        action: str,
        success: bool,
        *,
        error: str | None = None,
        execution_id: str | None = None,
        labels: Labels | None = None,
        at: int | datetime | None = None,
    ) -> Receipt:
        """Record that `scanner_id` did `action` (delete, release, archive, …) to `resource_id`.

        `execution_id` names the run that did it. Without one it is the innermost run of this producer in whose body
        (`with`, `async with`, `tracked`) the call is made.
        """
        now = self._now()
        return self._record(
            {
                "type": "cleanup_executed",
                "scanner_id": scanner_id,
                "resource_id": resource_id,
                "action": action,
                "success": success,
                "error": fitted("error", error, TEXT_BYTES, self._redact),
                "executed_at": moment_of("executed_at", at, now=now, allow_odd=self._allow_odd_times),
                "execution_id": enclosing(self) if execution_id is None else execution_id,
                "labels": merged_labels(labels, self._labels),
            },
            now,
        )

    def resend(self, error: Unacknowledged) -> Receipt:
        """Send the operation of `error` again, under its own sequence number: it counts once, however often sent."""
        return self._log.resend(error)

    # -- runs --

    def execution(
        self,
        action_id: str,
        *,
        source: str,
        execution_type: str = "command",
        execution_id: str | None = None,
        command: str | None = None,
        attempt: int | None = None,
        labels: Labels | None = None,
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
            producer=self,
            begin=self.begin,
            end=self.end,
            record_end=self.action_execution_completed,
            threads=self._threads,
            source=source,
            execution_type=execution_type,
            execution_id=execution_id,
            command=command,
            attempt=attempt,
            labels=checked_labels(labels, self._labels),
            on_unavailable=on_unavailable,
            monotonic=self._monotonic,
        )

    def tracked(
        self,
        action_id: str,
        *,
        source: str,
        execution_type: str = "task",
        labels: Labels | None = None,
        on_unavailable: Literal["raise", "log"] = "raise",
    ) -> Callable[[_F], _F]:
        """Decorate a function or coroutine function: each call is an execution of `action_id`."""
        options: Any = {"execution_type": execution_type, "labels": checked_labels(labels, self._labels)}
        run = partial(self.execution, action_id, source=source, on_unavailable=on_unavailable, **options)
        return partial(tracked, execution=run)

    def begin(self, run: Execution) -> Receipt:
        """Record that `run` has started, and beat until its `end`. Entering the run calls this."""
        expect_process_end()
        promises = self._log.begin(run)
        now = self._now()
        return self._record(
            {
                "type": "action_execution_started",
                "action_id": run.action_id,
                "source": run.source,
                "execution_type": run.execution_type,
                "started_at": now,
                "execution_id": run.execution_id,
                "heartbeats": promises or None,
                "command": fitted_command(run.command, TEXT_BYTES, self._redact),
                "attempt": run.attempt,
                "labels": traced(run.labels),
            },
            now,
        )

    def end(self, run: Execution) -> None:
        """Beat no more for `run`, whose end is about to be recorded."""
        self._log.of(run.action_id).heartbeat.end(run)

    @property
    def unwatched(self) -> str | None:
        """Why nobody will notice if a run dies: the server refuses heartbeats. None if it does not, so far."""
        return self._log.unwatched

    # -- waiting operations, and the end --

    @property
    def trouble(self) -> str | None:
        """Why operations in the spool or buffer cannot be forwarded at present; None if they can."""
        return self._log.trouble

    @property
    def standing(self) -> Standing:
        """What has become of the operations so far; `producer.metrics` tells it to Prometheus."""
        return self._log.standing

    def flush(self, timeout: float = DEFAULT_SECONDS, *, leftovers: bool = True, attempts: float = math.inf) -> bool:
        """Whether all operations recorded so far have arrived, as safely as was asked, within `timeout` seconds.

        With a spool, the `leftovers` of dead producers have to arrive, too. The producer gives up earlier if so many
        `attempts` to send have failed. Raises UnusableServer if the server cannot make them as safe as was asked.
        """
        return self._log.flush(timeout, leftovers=leftovers, attempts=attempts)

    def close(self, timeout: float = DEFAULT_SECONDS) -> None:
        """Forward waiting operations within `timeout` seconds, and close the connections that the producer made.

        Open runs are recorded as failed with `producer exited`. Operations that still wait stay in a spool, for the
        next producer; those in a buffer are lost. The logger `producer` is told of both. Leaving a `with` block and
        the end of the process close the producer, too.
        """
        abandon(self._log.runs)
        self._threads.stop()
        self._log.close(timeout)

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Producer of namespace {self.namespace} at {self._log.place}, {self._way}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Producer cannot be pickled, since two processes must not share its sequence numbers: "
            "make one in each process (pass the URL instead)"
        )

    def _record(self, fields: dict[str, Any], now: int) -> Receipt:
        try:
            raw = encode_fields(fields)
        except InvalidOperation:  # maybe for a lone surrogate, which is replaced; no sequence number was used
            fields = {name: carried(value) for name, value in fields.items()}
            raw = encode_fields(fields)
        delivery = self._delivery or self._log.of(fields.get("action_id") or fields["scanner_id"]).delivery
        return delivery.record(fields["type"], raw, now)

    def _now(self) -> int:
        return int(self._clock() * 1000)


_producers: weakref.WeakSet[Producer] = weakref.WeakSet()


def _abandon_all() -> None:
    for producer in list(_producers):
        abandon(producer._log.runs)


def _after_fork() -> None:
    for producer in list(_producers):
        producer._log.begin_process()
        producer._threads.begin_process()


at_process_end(_abandon_all)  # before the deliveries close, which then still send the ends of the runs
# By a hook, which runs while the child has one thread: its identity is made once, whatever the parent was doing.
os.register_at_fork(after_in_child=_after_fork)
