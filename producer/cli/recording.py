"""The record of one run, made within the time that it may hold the run up, and never at the run's expense."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from producer.cli.options import open_producer
from producer.command.child import Ended
from producer.errors import SpoolUnusable, Unavailable, UnusableServer
from producer.execution.execution import Execution
from producer.operations import operation_of
from producer.producer import Producer
from producer.terminal.options import LogAddress
from producer.text.truncation import text_of

PATIENCE_SECONDS = 1.3
"""How long the records may hold a run up in all; the documents promise 2 s."""
_START_SECONDS = 0.65
"""How much of that the start may take."""
_REPLY_SECONDS = 0.55
"""How long one attempt waits for the server: less than the start may take, so that its error arrives in time."""
_ATTEMPTS = 2
"""How often the end is sent if it can wait in the spool: an attempt may have been under way when it came."""


class Recording:
    """Records the start and the end of one run by way of a spool, and tells `say` once, in a line, of trouble.

    By the spool both records survive the end of this process, a start that found no server is sent again while the
    command runs, and the producer delivers meanwhile what earlier runs left there.
    """

    def __init__(
        self, action_id: str, *, source: str, execution_type: str, execution_id: str, say: Callable[[str], None]
    ) -> None:
        """Raises InvalidOperation for names of which no record can be made."""
        self._action_id = action_id
        self._names: dict[str, Any] = {
            "source": source,
            "execution_type": execution_type,
            "execution_id": execution_id,
        }
        texts = {name: text_of(text) for name, text in {"action_id": action_id, **self._names}.items()}
        operation_of({"type": "action_execution_started", "started_at": 0, **texts})
        self._say: Callable[[str], None] | None = say
        self._producer: Producer | None = None
        self._spool: Path | None = None
        self._unusable: SpoolUnusable | None = None
        self._run: Execution | None = None
        self._patience = PATIENCE_SECONDS

    def open(self, log: LogAddress, *, spool: Path) -> None:
        """Record in `log` by way of the directory `spool`; `say` is told of a server that cannot be used."""
        try:
            try:
                self._producer = open_producer(log, timeout=_REPLY_SECONDS, spool=spool)
                self._spool = spool
            except SpoolUnusable as error:  # then the record waits in memory, for as long as this process lives
                self._unusable = error
                self._producer = open_producer(log, timeout=_REPLY_SECONDS, buffer=2)
        except UnusableServer as error:
            self._complain(f"{self._action_id} runs without a record: {error}")

    def started(self) -> None:
        """Record that the command is about to run."""
        if self._producer is None:
            return
        began = time.monotonic()
        self._run = run = self._producer.execution(self._action_id, **self._names)
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
        """Record that the command has ended."""
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
                execution_id=self._names["execution_id"],
                at=ended.ended_at,
            )
        except Unavailable as error:
            self._complain(f"the end of {self._action_id} is not recorded: {error}")
        if self._producer.flush(self._patience, leftovers=False, attempts=_ATTEMPTS if self._spool else math.inf):
            self._producer.flush(deadline - time.monotonic())  # what earlier runs left, in the time that remains
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
