"""The sign of life of a producer with runs open: by it the projector tells a run that goes on from a dead one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from producer.connection import Client, RedisError, is_refusal, reason_of, send_once
from producer.wal import HEARTBEAT_SECONDS, heartbeat_key

if TYPE_CHECKING:
    from producer.execution import Execution

__all__ = ["Heartbeat"]

_BEATS = 6
"""In the life of one."""
_HASTE = 10
"""How much sooner the next one comes after one that failed."""
_SHORTEST_LIFE_MS = 1

_log = logging.getLogger("producer")


class Heartbeat:
    """Keeps `{namespace}:heartbeat:<by>` alive while runs are open, by a thread that ends with the last of them.

    `waits`: the first beat is there before a start is written. Otherwise it comes at once, without being waited for:
    a start that goes by a spool or buffer is not held up by the network. Safe under threads and in signal handlers.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        waits: bool,
        timeout: float,
        ttl: float = HEARTBEAT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._waits = waits
        self._ttl = ttl
        self._period = ttl / _BEATS
        self._timeout = min(timeout, self._period)
        self._monotonic = monotonic
        self._by = ""
        self._runs: dict[Execution, None] = {}
        self._beaten_at: float | None = None
        self._failed = False
        self._refused = False
        self._thread: threading.Thread | None = None
        # Its lock can be taken twice by one thread: a signal handler may begin a run, too.
        self._changed = threading.Condition()

    def begin(self, run: Execution, by: str) -> bool:
        """A run of the producer `by` is about to start; whether its start may promise heartbeats.

        It may also when the server does not answer just now: the projector takes no silence for death that is not
        much longer. It may not when the account has no right to beat.
        """
        with self._changed:
            self._by = by
            self._runs[run] = None
        if self._waits and self._is_due():
            self._beat()
        with self._changed:
            if self._thread is None:
                self._start_thread()
        return not self._refused

    def end(self, run: Execution) -> None:
        """The run has ended, or has not begun after all."""
        with self._changed:
            self._runs.pop(run, None)

    def runs(self) -> list[Execution]:
        """Those that are open, in the order in which they began."""
        with self._changed:
            return list(self._runs)

    def stop(self) -> None:
        """No run is open any more: be silent at once, and not only when the last beat has died away."""
        with self._changed:
            self._runs.clear()
            self._changed.notify_all()
        if self._beaten_at is not None:
            self._beaten_at = None
            # Not DEL: an account with least rights may only SET.
            self._set(_SHORTEST_LIFE_MS)

    def renewed(self) -> Heartbeat:
        """For a forked child, which has neither the thread nor the runs."""
        return Heartbeat(
            self._client,
            self._namespace,
            waits=self._waits,
            timeout=self._timeout,
            ttl=self._ttl,
            monotonic=self._monotonic,
        )

    # -- beating --

    def _is_due(self) -> bool:
        return self._beaten_at is None or self._monotonic() - self._beaten_at >= self._period

    def _beat(self) -> None:
        at = self._monotonic()
        self._failed = not self._set(int(self._ttl * 1000))
        if not self._failed:
            self._beaten_at = at

    def _set(self, life_ms: int) -> bool:
        try:
            key = heartbeat_key(self._namespace, self._by)
            send_once(self._client, "SET", key, "1", "PX", life_ms, seconds=self._timeout)
        except RedisError as error:
            refused = is_refusal(error)
            if refused and not self._refused:
                _log.warning(
                    "no heartbeats, so that a run that dies is not noticed: %s", reason_of(error, self._client)
                )
            self._refused = refused
            return False
        self._refused = False
        return True

    # -- the thread --

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="producer-heartbeat", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is about to end
            self._thread = None

    def _run(self) -> None:
        while True:
            if self._is_due():
                self._beat()
            with self._changed:
                self._changed.wait(self._pause())
                if not self._runs:
                    self._thread = None
                    return

    def _pause(self) -> float:
        if self._refused:
            return self._period
        if self._failed or self._beaten_at is None:
            return self._period / _HASTE
        return max(0.0, self._period - (self._monotonic() - self._beaten_at))
