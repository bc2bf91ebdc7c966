"""The record of one run, made within the time that it may hold the run up, and never at the run's expense."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from producer.cli.options import open_producer, place_of
from producer.command.child import Ended
from producer.errors import SpoolUnusable, Unavailable, UnusableServer
from producer.execution.execution import Execution
from producer.execution.labels import carried
from producer.operations import operation_of
from producer.producer import Producer
from producer.terminal.options import LogAddress
from producer.text.redaction import redactor

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
        self,
        action_id: str,
        *,
        execution_id: str,
        say: Callable[[str], None],
        **names: Any,
    ) -> None:
        """`names` are those of Producer.execution, and what is recorded is redacted before.

        Raises InvalidOperation if no record can be made of them.
        """
        self._action_id = action_id
        self._names: dict[str, Any] = {"execution_id": execution_id, **names}
        fields = {name: carried(value) for name, value in {"action_id": action_id, **self._names}.items()}
        operation_of({"type": "action_execution_started", "started_at": 0, **fields})
        self._say: Callable[[str], None] | None = say
        self._producer: Producer | None = None
        self._spool: Path | None = None
        self._unusable: SpoolUnusable | None = None
        self._run: Execution | None = None
        self._log = LogAddress()
        self._patience = PATIENCE_SECONDS

    def open(self, log: LogAddress, *, spool: Path | None, partitions: int | None = None) -> None:
        """Record in `log` by way of the directory `spool`; `say` is told of a server that cannot be used."""
        self._log = log
        options: dict[str, Any] = {"timeout": _REPLY_SECONDS, "partitions": partitions, "redact": redactor()}
        try:
            try:
                place = place_of(spool)
                self._producer = open_producer(log, spool=place, **options)
                self._spool = place
            except SpoolUnusable as error:  # then the record waits in memory, for as long as this process lives
                self._unusable = error
                self._producer = open_producer(log, buffer=2, **options)
        except UnusableServer as error:
            self._complain(f"{self._action_id} runs without a record: {error}{log.advice(str(error))}")

    def started(self) -> None:
        """Record that the command is about to run."""
        if self._producer is None:
            return
        began = time.monotonic()
        self._run = run = self._producer.execution(self._action_id, **self._names)
        try:
            self._producer.begin(run)
        except (Unavailable, UnusableServer) as error:
            self._complain(f"{self._action_id} runs without a record: {error}")
            self._producer.end(run)
            self._producer.close(timeout=0)
            self._producer = None
            return
        if not self._has_arrived(_START_SECONDS, leftovers=False, attempts=1):
            fate = f"and its record waits in {self._spool}" if self._spool else "without a record"
            self._complain(f"{self._action_id} runs {fate}: {self._reason()}")
        elif (why := self._producer.unwatched) is not None:
            why += self._log.advice(why)
            self._remark(f"{self._action_id} runs without heartbeats, so nobody notices if it is killed: {why}")
        self._patience -= time.monotonic() - began

    def completed(self, ended: Ended, *, exit_code: int | None = None) -> None:
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
                exit_code=exit_code,
                at=ended.ended_at,
            )
        except (Unavailable, UnusableServer) as error:
            self._complain(f"the end of {self._action_id} is not recorded: {error}")
        if self._has_arrived(self._patience, leftovers=False, attempts=_ATTEMPTS if self._spool else math.inf):
            # What earlier runs left, in the time that remains; what the server refuses takes none.
            self._has_arrived(deadline - time.monotonic(), attempts=_ATTEMPTS)
        else:
            fate = f"waits in {self._spool}" if self._spool else "is not recorded"
            self._complain(f"the end of {self._action_id} {fate}: {self._reason()}")
        self._producer.close(timeout=0)

    def _has_arrived(self, timeout: float, **options: Any) -> bool:
        assert self._producer is not None
        try:
            return self._producer.flush(timeout, **options)
        except UnusableServer:  # the producer's `trouble` says the same
            return False

    def _reason(self) -> str:
        assert self._producer is not None
        reason = self._producer.trouble or "no answer"
        reason += self._log.advice(reason)
        return reason if self._unusable is None else f"{reason}; {self._unusable}"

    def _complain(self, text: str) -> None:
        self._remark(text)
        self._say = None

    def _remark(self, text: str) -> None:
        if self._say is not None:
            self._say(" ".join(text.split()))
