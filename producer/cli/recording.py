"""The record of one run, made within the time that it may hold the run up, and never at the run's expense."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from producer.cli.options import open_producer
from producer.command.child import Ended
from producer.errors import SpoolUnusable, Unavailable, UnusableServer
from producer.execution.execution import Execution
from producer.operations import operation_of
from producer.producer import Producer
from producer.text.truncation import text_of

__all__ = ["Recording"]

PATIENCE_SECONDS = 1.3
"""How long a run may be held up in all; 2 s are promised."""
_START_SECONDS = 0.65
"""How much of that the start may take."""
_REPLY_SECONDS = 0.55
"""How long one attempt waits for the server: less than the start may take, so that it is known what went wrong."""
_ATTEMPTS = 2
"""For the end, where it can wait in the spool: one may have been under way when it came."""


class Recording:
    """Start and end of one run. What cannot be delivered is said in one line, once, by `say`, and waits in a spool.

    Both go by way of the spool: so they survive our own end too, a start that found no server is sent again while the
    command runs, and what earlier runs left there is delivered meanwhile.
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
        self._spool: Path | None = None
        self._unusable: SpoolUnusable | None = None
        self._run: Execution | None = None
        self._patience = PATIENCE_SECONDS

    def open(self, url: str | None, namespace: str | None, *, spool: Path) -> None:
        """Record at that server, by way of that directory; a server that cannot be used is said."""
        try:
            try:
                self._producer = open_producer(url, namespace, timeout=_REPLY_SECONDS, spool=spool)
                self._spool = spool
            except SpoolUnusable as error:  # then it is in memory that the record waits, for as long as we are here
                self._unusable = error
                self._producer = open_producer(url, namespace, timeout=_REPLY_SECONDS, buffer=2)
        except UnusableServer as error:
            self._complain(f"{self._action_id} runs without a record: {error}")

    def started(self) -> None:
        """Record that the command is about to run."""
        if self._producer is None:
            return
        began = time.monotonic()
        self._run = run = self._producer.execution(
            self._action_id,
            source=self._source,
            execution_type=self._execution_type,
            execution_id=self._execution_id,
        )
        try:
            self._producer.begin(run)
        except Unavailable as error:
            self._complain(f"{self._action_id} runs without a record: {error}")
            self._producer.end(run)
            self._producer.close(timeout=0)
            self._producer = None
            return
        if not self._producer.flush(_START_SECONDS, leftovers=False, attempts=1):
            fate = f"and its record waits in {self._spool}" if self._spool else "without a record"
            self._complain(f"{self._action_id} runs {fate}: {self._reason()}")
        elif (why := self._producer.unwatched) is not None:
            self._remark(f"{self._action_id} runs without heartbeats, so nobody notices if it is killed: {why}")
        self._patience -= time.monotonic() - began

    def completed(self, ended: Ended) -> None:
        """Record that it has ended."""
        if self._producer is None or self._run is None:
            return
        deadline = time.monotonic() + self._patience
        self._producer.end(self._run)
        try:
            self._producer.action_execution_completed(
                self._action_id,
                ended.error is None,
                output=ended.output,
                error=ended.error,
                duration_ms=ended.duration_ms,
                execution_id=self._execution_id,
                at=ended.ended_at,
            )
        except Unavailable as error:
            self._complain(f"the end of {self._action_id} is not recorded: {error}")
        if self._producer.flush(self._patience, leftovers=False, attempts=_ATTEMPTS if self._spool else math.inf):
            self._producer.flush(deadline - time.monotonic())  # what others left: as far as there is time
        else:
            fate = f"waits in {self._spool}" if self._spool else "is not recorded"
            self._complain(f"the end of {self._action_id} {fate}: {self._reason()}")
        self._producer.close(timeout=0)

    def _reason(self) -> str:
        assert self._producer is not None
        reason = self._producer.trouble or "no answer"
        return reason if self._unusable is None else f"{reason}; {self._unusable}"

    def _complain(self, text: str) -> None:
        self._remark(text)
        self._say = None

    def _remark(self, text: str) -> None:
        if self._say is not None:
            self._say(" ".join(text.split()))
