"""The sign of life of a producer with runs open: by it the projector tells a run that goes on from a dead one."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from producer.connection.client import Client, RedisError, is_refusal, reason_of, send_once
from producer.errors import NotYetDurable, Unavailable
from producer.wal import HEARTBEAT_SECONDS, heartbeat_key

if TYPE_CHECKING:
    from producer.delivery.queue import Numbered
    from producer.execution import Execution

__all__ = ["Heartbeat"]

_BEATS = 6
"""In the life of one."""
_HASTE = 10
"""How much sooner the next one comes after one that failed."""
_SHORTEST_LIFE_MS = 1
_WITHDRAWAL_SECONDS = 10.0
"""How long a run's end waits for a promise that is being taken back."""
_PROMISE = b',"heartbeats":true}'
"""How an operation ends that promises heartbeats: with the last field of a start. Nothing else ends like that."""

_log = logging.getLogger("producer")


class _Promise:
    """That heartbeats come while a run is open. Made in its start, number `seq`; `withdraw` records it again without.

    `seq` is 0 where it is not known, and may have gone out.
    """

    __slots__ = ("seq", "withdraw")

    def __init__(self, seq: int, withdraw: Callable[[], object]) -> None:
        self.seq = seq
        self.withdraw = withdraw


class Heartbeat:
    """Keeps `{namespace}:heartbeat:<by>` alive while runs are open, by a thread that ends with the last of them.

    `waits`: the first beat is there before a start is written. Otherwise a start that goes by a spool or buffer is
    not held up by the network: it promises heartbeats, and when it is sent, `vetted` takes out what we may not
    promise. Where the right to beat is lost while a run is open, its start is recorded again, without the promise: so
    it is not presumed dead while it lives. Safe under threads and in signal handlers.
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
        self.begin_process()

    def begin_process(self) -> None:
        """Begin anew, as in a forked child, which has neither the thread nor the runs."""
        self.refusal: str | None = None
        """Why we may not beat; None when we may, as far as is known."""
        self._by = ""
        self._runs: dict[Execution, _Promise | None] = {}
        self._beaten_at: float | None = None
        self._failed = False
        self._has_promised = False
        self._sent: float = math.inf if self._waits else 0  # no promise beyond this number has gone out
        self._withdrawing: Execution | None = None
        self._thread: threading.Thread | None = None
        # Its lock can be taken twice by one thread: a signal handler may begin a run, too.
        self._changed = threading.Condition()
        # One beat at a time: one that is on its way when they stop would arrive after the stop, and outlive it.
        self._beating = threading.RLock()

    def begin(self, run: Execution, by: str) -> bool:
        """A run of the producer `by` is about to start; whether its start may promise heartbeats.

        It may also when the server does not answer just now: the projector takes no silence for death that is not
        much longer. It may not when the account has no right to beat.
        """
        with self._changed:
            self._by = by
            self._runs[run] = None
        if self._waits:
            self._beat_while_runs_are_open()
        with self._changed:
            if self._thread is None:
                self._start_thread()
            self._has_promised = self._has_promised or self.refusal is None
            return self.refusal is None

    def promised(self, run: Execution, seq: int, withdraw: Callable[[], object]) -> None:
        """The start of `run` was recorded as number `seq`, with a promise. 0: it may have been, under any."""
        with self._changed:
            if run in self._runs:
                self._runs[run] = _Promise(seq, withdraw)
                if self.refusal is not None:
                    self._changed.notify_all()

    def end(self, run: Execution) -> None:
        """The run is about to end, or has not begun after all. From here on nothing records its start again."""
        with self._changed:
            self._runs.pop(run, None)
            self._changed.wait_for(lambda: self._withdrawing is not run, _WITHDRAWAL_SECONDS)

    def runs(self) -> list[Execution]:
        """Those that are open, in the order in which they began."""
        with self._changed:
            return list(self._runs)

    def vetted(self, batch: Sequence[Numbered]) -> Sequence[Numbered]:
        """`batch` as it may be sent now: with no promise but what we may keep. Asks the server, if need be.

        Raises RedisError when that does not answer.
        """
        if not self._has_promised or not any(op.endswith(_PROMISE) for _, op in batch):
            return batch
        if self.refusal is None and self._is_due():
            try:
                self._beat()
            except RedisError:
                if self.refusal is None:
                    raise
        if self.refusal is None:
            self._sent = batch[-1][0]
            return batch
        return [(seq, op[: -len(_PROMISE)] + b"}" if op.endswith(_PROMISE) else op) for seq, op in batch]

    def stop(self) -> None:
        """No run is open any more: be silent at once, and not only when the last beat has died away."""
        with self._changed:
            self._runs.clear()
            self._changed.notify_all()
        with self._beating:
            if self._beaten_at is not None:
                self._beaten_at = None
                # Not DEL: an account with least rights may only SET.
                with suppress(RedisError):
                    self._set(_SHORTEST_LIFE_MS)

    # -- beating --

    def _is_due(self) -> bool:
        return self._beaten_at is None or self._monotonic() - self._beaten_at >= self._period

    def _beat(self) -> None:
        with self._beating:
            at = self._monotonic()
            try:
                self._set(int(self._ttl * 1000))
            except RedisError as error:
                self._failed = True
                if is_refusal(error):
                    self._learn(reason_of(error, self._client))
                raise
            self._failed = False
            self._beaten_at = at
        self._learn(None)

    def _beat_while_runs_are_open(self) -> None:
        with self._beating, suppress(RedisError):
            if self._runs and self._is_due():
                self._beat()

    def _set(self, life_ms: int) -> None:
        key = heartbeat_key(self._namespace, self._by)
        send_once(self._client, "SET", key, "1", "PX", life_ms, seconds=self._timeout)

    def _learn(self, refusal: str | None) -> None:
        with self._changed:
            is_new = refusal is not None and self.refusal is None
            self.refusal = refusal
            if is_new:
                self._changed.notify_all()  # there may be promises to withdraw
        if is_new:
            _log.warning("no heartbeats, so that a run that dies is not noticed: %s", refusal)

    # -- promises that cannot be kept --

    def _withdraw(self) -> None:
        """Record the start of each run again whose promise has gone out."""
        for run in self.runs():
            try:
                self._withdraw_from(run)
            except NotYetDurable:
                pass  # it is in the log
            except Unavailable:
                return  # it would be the same for the others; they come after a pause

    def _withdraw_from(self, run: Execution) -> None:
        with self._changed:
            promise = self._runs.get(run)
            if promise is None or promise.seq > self._sent or self._is_too_late():
                return
            self._withdrawing = run
        try:
            promise.withdraw()
        finally:
            with self._changed:
                self._withdrawing = None
                self._changed.notify_all()
        with self._changed:
            if run in self._runs:
                self._runs[run] = None

    def _is_too_late(self) -> bool:
        """Whether our runs may be presumed dead by now. Their ends will put that right; another start would not."""
        return self._beaten_at is not None and self._monotonic() - self._beaten_at >= self._ttl

    # -- the thread --

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="producer-heartbeat", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is about to end
            self._thread = None

    def _run(self) -> None:
        while True:
            self._beat_while_runs_are_open()
            if self.refusal is not None:
                self._withdraw()
            with self._changed:
                self._changed.wait(self._pause())
                if not self._runs:
                    self._thread = None
                    return

    def _pause(self) -> float:
        if self.refusal is not None:
            return self._period
        if self._failed or self._beaten_at is None:
            return self._period / _HASTE
        return max(0.0, self._period - (self._monotonic() - self._beaten_at))
