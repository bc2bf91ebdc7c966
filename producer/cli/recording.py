"""The record of one run, made within the time that it may hold the run up, and never at the run's expense."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from producer.child import Ended
from producer.cli.options import open_producer
from producer.errors import UnusableServer, WalRefused, WalUnavailable
from producer.operations import operation_of
from producer.producer import Producer
from producer.receipt import Receipt
from producer.truncation import text_of

__all__ = ["Recording"]

PATIENCE_SECONDS = 1.3
"""How long a run may be held up in all; 2 s are promised."""
_START_SECONDS = 0.65
"""How much of that the start may take."""
_REPLY_SECONDS = 0.55
"""How long one attempt waits for the server: less than the start may take, so that it is known what went wrong."""
_PAUSE_SECONDS = 1.0
"""Between attempts, while the command runs."""


class Recording:
    """Start and end of one run. What cannot be recorded is said in one line, once, by `say`.

    A start that found no server is sent again while the command runs, so an end that finds one finds its start there.
    (For a store-and-forward producer the place is `open`: with one that never waits, nothing else changes.)
    """

    def __init__(
        self, action_id: str, *, source: str, execution_type: str, execution_id: str, say: Callable[[str], None]
    ) -> None:
        """Raises InvalidOperation for what no record could be made of."""
        operation_of(
            {
                "type": "action_execution_started",
                "action_id": text_of(action_id),
                "source": text_of(source),
                "execution_type": text_of(execution_type),
                "execution_id": text_of(execution_id),
                "started_at": 0,
            }
        )
        self._action_id = action_id
        self._source = source
        self._execution_type = execution_type
        self._execution_id = execution_id
        self._say: Callable[[str], None] | None = say
        self._producer: Producer | None = None
        self._start: _Delivery | None = None
        self._patience = PATIENCE_SECONDS

    def open(self, url: str | None, namespace: str | None) -> None:
        """Record at that server; one that cannot be used is said."""
        try:
            self._producer = open_producer(url, namespace, timeout=_REPLY_SECONDS)
        except UnusableServer as error:
            self._complain(f"{self._action_id} runs without a record: {error}")

    def started(self) -> None:
        """Record that the command is about to run."""
        if self._producer is None:
            return
        send = partial(
            self._producer.action_execution_started,
            self._action_id,
            self._source,
            self._execution_type,
            execution_id=self._execution_id,
        )
        began = time.monotonic()
        self._start = _Delivery(send, self._producer.resend, after=None)
        if not self._start.first_attempt(_START_SECONDS):
            self._complain(f"{self._action_id} runs without a record: {self._start.reason}")
        self._patience -= time.monotonic() - began

    def completed(self, ended: Ended) -> None:
        """Record that it has ended."""
        if self._producer is None or self._start is None:
            return
        send = partial(
            self._producer.action_execution_completed,
            self._action_id,
            ended.error is None,
            output=ended.output,
            error=ended.error,
            duration_ms=ended.duration_ms,
            execution_id=self._execution_id,
            at=ended.ended_at,
        )
        end = _Delivery(send, self._producer.resend, after=self._start)
        if not end.last_attempt(self._patience):
            self._complain(f"the end of {self._action_id} is not recorded: {end.reason}")

    def _complain(self, text: str) -> None:
        if self._say is not None:
            self._say(" ".join(text.split()))
            self._say = None


class _Delivery(threading.Thread):
    """One operation on its way, sent until it is acknowledged or refused, or the process ends.

    A thread, since nothing else bounds the wait: looking up a host's name takes as long as it likes.
    """

    def __init__(
        self,
        send: Callable[[], Receipt],
        resend: Callable[[WalUnavailable], Receipt],
        *,
        after: _Delivery | None,
    ) -> None:
        super().__init__(daemon=True)
        self.reason = "no answer"
        """Why it has not arrived, if it has not."""
        self._send = send
        self._resend = resend
        self._after = after
        self._arrived = False
        self._attempted = threading.Event()
        self._hurried = threading.Event()
        self.start()

    def first_attempt(self, seconds: float) -> bool:
        """Whether it arrived in its first attempt, within that time. More attempts go on behind our back."""
        self._attempted.wait(seconds)
        return self._arrived

    def last_attempt(self, seconds: float) -> bool:
        """Whether it arrived within that time, and what it has to come after too."""
        self._hurry()
        self.join(max(0.0, seconds))
        return self._arrived

    def _hurry(self) -> None:
        self._hurried.set()
        if self._after is not None:
            self._after._hurry()

    def run(self) -> None:
        if self._after is not None:
            self._after.join()
        try:
            while not self._arrived:
                self._attempt()
        except WalRefused as error:
            self.reason = error.reason
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not become the command's trouble
            self.reason = f"{type(error).__name__}: {error}"
        finally:
            self._attempted.set()

    def _attempt(self) -> None:
        try:
            self._send()
        except WalRefused:
            raise
        except WalUnavailable as error:
            self.reason = error.reason
            self._send = partial(self._resend, error)
            self._attempted.set()
            self._hurried.wait(_PAUSE_SECONDS)
        else:
            self._arrived = True
