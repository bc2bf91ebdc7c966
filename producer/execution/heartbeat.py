"""The sign of life of a producer with open runs: by it the projector tells a living run from a dead one."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from producer.connection.client import Client, is_refusal, reason_of
from producer.connection.wire import send_once
from producer.durability import check_seconds
from producer.wal import heartbeat_key

if TYPE_CHECKING:
    from producer.execution.execution import Execution
    from producer.queue.queue import Numbered

_BEATS_PER_TTL = 6
_RETRIES_PER_PERIOD = 10
_SHORTEST_TTL_MS = 1
_PROMISE = b',"heartbeats":true'
"""Stands in a start that promises heartbeats, and nowhere else: within a text, its quotes would be escaped."""

_log = logging.getLogger("producer")


class Heartbeat:
    """Keeps `{namespace}:heartbeat:<by>` alive while runs are open. Its thread ends with the last run.

    `waits`: the producer sends directly, so the first beat precedes the start's record. By a spool or buffer the
    network must not hold up a start: the start promises heartbeats at once, and `vetted` takes the promise out before
    the start is sent if the server refuses to let us beat. Safe under threads and in signal handlers.

    `timeout` (of one beat) and `ttl` (of the key) are seconds.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        waits: bool,
        timeout: float,
        ttl: float,
        monotonic: Callable[[], float],
    ) -> None:
        check_seconds("heartbeat_ttl", ttl)
        self._client = client
        self._namespace = namespace
        self._waits = waits
        self._ttl = ttl
        self._period = ttl / _BEATS_PER_TTL
        self._timeout = min(timeout, self._period)
        self._monotonic = monotonic
        self.begin_process()

    def begin_process(self) -> None:
        """Begin anew, as in a forked child, which has neither the thread nor the runs."""
        self.refusal: str | None = None
        """Why the server refuses heartbeats; None if it accepts them or was not asked yet."""
        self._by = ""
        self._runs: dict[Execution, None] = {}
        self._beaten_at = self._tried_at = -math.inf
        self._thread: threading.Thread | None = None
        # Reentrant, because a signal handler may begin a run while its thread holds the lock.
        self._changed = threading.Condition()
        # One beat at a time: a beat that arrived after `stop` would outlive the producer.
        self._beating = threading.RLock()

    def begin(self, run: Execution, by: str) -> bool:
        """Beat for `run` of the producer `by` until its `end`. Returns whether its start may promise heartbeats.

        The start may promise them even if the server does not answer just now: the projector presumes nobody dead
        for a short silence. It may not if the account has no right to beat.
        """
        with self._changed:
            self._by = by
            self._runs[run] = None
        if self._waits:
            self._beat_if_due()
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="producer-heartbeat", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the interpreter is about to end
                    self._thread = None
        return self.refusal is None

    def end(self, run: Execution) -> None:
        """`run` is about to end, or its start was not recorded."""
        with self._changed:
            self._runs.pop(run, None)

    def runs(self) -> list[Execution]:
        """The open runs, in the order of their beginning."""
        with self._changed:
            return list(self._runs)

    def vetted(self, batch: Sequence[Numbered]) -> Sequence[Numbered]:
        """`batch` without promises of heartbeats if the server refuses them. Beats first if a beat is due.

        Raises RedisError if the server does not answer that beat.
        """
        if not any(_PROMISE in op for _, op in batch):
            return batch
        if self.refusal is None and self._is_due():
            self._beat()
        if self.refusal is None:
            return batch
        return [(seq, op.replace(_PROMISE, b"")) for seq, op in batch]

    def stop(self) -> None:
        """Let the key die at once, because no run is open any more."""
        with self._changed:
            self._runs.clear()
            self._changed.notify_all()
        with self._beating:
            if self._beaten_at > -math.inf:
                self._beaten_at = -math.inf
                # Not DEL: an account with least rights may only SET.
                with suppress(RedisError):
                    self._set(_SHORTEST_TTL_MS)

    # -- beating --

    def _is_due(self) -> bool:
        return self._monotonic() - self._beaten_at >= self._period

    def _beat_if_due(self) -> None:
        asked_at = self._monotonic()
        with self._beating, suppress(RedisError):
            # The outcome of another thread's attempt meanwhile is this one's, too: else many runs that start at once
            # while the server is away would wait for as many attempts, one after the other.
            if self._runs and self._is_due() and self._tried_at <= asked_at:
                self._beat()

    def _beat(self) -> None:
        """Beat, or know the `refusal`. Raises RedisError if the server does not answer."""
        with self._beating:
            at = self._monotonic()
            try:
                self._set(int(self._ttl * 1000))
            except RedisError as error:
                if not is_refusal(error):
                    raise
                refusal = reason_of(error, self._client)
                if self.refusal is None:
                    _log.warning("no heartbeats, so that a run that dies is not noticed: %s", refusal)
                self.refusal = refusal
            else:
                self._beaten_at = at
                self.refusal = None
            finally:
                self._tried_at = self._monotonic()

    def _set(self, ttl_ms: int) -> None:
        key = heartbeat_key(self._namespace, self._by)
        send_once(self._client, "SET", key, "1", "PX", ttl_ms, seconds=self._timeout)

    # -- the thread --

    def _run(self) -> None:
        while True:
            self._beat_if_due()
            with self._changed:
                self._changed.wait(self._seconds_to_next_beat())
                if not self._runs:
                    self._thread = None
                    return

    def _seconds_to_next_beat(self) -> float:
        since = self._monotonic() - self._beaten_at
        if self.refusal is not None:
            return self._period
        return self._period - since if since < self._period else self._period / _RETRIES_PER_PERIOD
