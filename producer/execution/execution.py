"""One run of an action, recorded around a body by `with` or `async with`."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Literal

from producer.errors import InvalidOperation, NotYetDurable, Unavailable
from producer.identity import Receipt

if TYPE_CHECKING:
    from types import TracebackType


class Execution:
    """A run: `execution_id` names it, `output` is recorded with its end, `fail(text)` makes it a failure.

    An exception out of the body makes the run a failure with the text `Type: message` (`SystemExit(0)` a success) and
    goes on; trouble with the record is then a note on it. Enter an execution once.

    `started` and `completed` are the receipts of its start and end, None until they were recorded.
    """

    def __init__(
        self,
        action_id: str,
        *,
        begin: Callable[[Execution], Receipt],
        end: Callable[[Execution], None],
        record_end: Callable[..., Receipt],
        source: str,
        execution_type: str,
        execution_id: str | None = None,
        on_unavailable: Literal["raise", "log"] = "raise",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if on_unavailable not in ("raise", "log"):
            raise InvalidOperation("on_unavailable", '"raise" or "log"', repr(on_unavailable))
        self.action_id = action_id
        self.source = source
        self.execution_type = execution_type
        self.execution_id = secrets.token_hex(8) if execution_id is None else execution_id
        self.output: str | bytes | None = None
        self.started: Receipt | None = None
        self.completed: Receipt | None = None
        self._begin, self._end, self._record_completed = begin, end, record_end
        self._on_unavailable = on_unavailable
        self._monotonic = monotonic
        self._began: float | None = None
        self._error: str | None = None
        self._ending = threading.Lock()  # acquired once, by the thread that records the end

    def fail(self, text: str) -> None:
        """Make this run a failure with the error `text`; the body goes on."""
        self._error = str(text)

    def abandon(self, error: str) -> None:
        """Record the end of the run as a failure while its body may go on, because its producer ends."""
        self._record_end(error, self._elapsed())

    def _start(self) -> None:
        if self._began is not None:
            raise RuntimeError("this execution was entered before: make a new one for each run")
        try:
            self.started = self._begin(self)
        except Unavailable as error:
            if self._on_unavailable == "raise":
                if isinstance(error, NotYetDurable):  # the start is in the log, so the end must follow
                    self._finish(error, 0.0)
                self._end(self)
                raise
            _log(error)
        except BaseException:
            self._end(self)
            raise
        self._began = self._monotonic()

    def _finish(self, raised: BaseException | None, duration_ms: float) -> None:
        error = self._error if raised is None or _is_clean_exit(raised) else _describe(raised)
        try:
            self._record_end(error, duration_ms)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, it must not take the place of `raised`
            self._report(trouble, raised)

    def _record_end(self, error: str | None, duration_ms: float) -> None:
        if not self._ending.acquire(blocking=False):
            return  # the run was abandoned while its body ran
        self._end(self)
        self.completed = self._record_completed(
            self.action_id,
            error is None,
            output=_recordable(self.output),
            error=error,
            duration_ms=duration_ms,
            execution_id=self.execution_id,
        )

    def _report(self, trouble: Exception, raised: BaseException | None) -> None:
        """Tell why the end was not recorded: raise that only if the body raised nothing."""
        if raised is not None:
            _add_note(raised, trouble)
        elif self._on_unavailable == "raise" or not isinstance(trouble, Unavailable):
            raise trouble
        if self._on_unavailable == "log" or not isinstance(raised, Exception):
            _log(trouble)  # nobody reads the notes of a SystemExit or a CancelledError

    def _elapsed(self) -> float:
        return 0.0 if self._began is None else max(0.0, (self._monotonic() - self._began) * 1000)

    # -- with --

    def __enter__(self) -> Execution:
        self._start()
        return self

    def __exit__(self, _type: object, raised: BaseException | None, _traceback: TracebackType | None) -> None:
        self._finish(raised, self._elapsed())

    # -- async with --

    async def __aenter__(self) -> Execution:
        starting = _in_thread(self._start)
        cancelled = await _settle(starting)
        if cancelled is None:
            starting.result()
            return self
        if (trouble := starting.exception()) is not None:
            _add_note(cancelled, trouble)
        else:  # the start is in the log, so the end must follow
            await _settle(_in_thread(self._finish, cancelled, self._elapsed()))
        raise cancelled

    async def __aexit__(self, _type: object, raised: BaseException | None, _traceback: TracebackType | None) -> None:
        finishing = _in_thread(self._finish, raised, self._elapsed())
        cancelled = await _settle(finishing)
        trouble = finishing.exception()
        if cancelled is None:
            if trouble is not None:
                raise trouble
        elif raised is None:
            if trouble is not None:
                _add_note(cancelled, trouble)
            raise cancelled
        elif not isinstance(raised, asyncio.CancelledError):
            _cancel_again()


def _in_thread(function: Callable[..., None], *arguments: object) -> asyncio.Future[None]:
    """Call `function` in the loop's executor, with the caller's context variables."""
    # Not asyncio.to_thread in a task of its own: asyncio.run cancels every task when it ends, this one too.
    return asyncio.get_running_loop().run_in_executor(None, copy_context().run, function, *arguments)


async def _settle(future: asyncio.Future[None]) -> asyncio.CancelledError | None:
    """Wait until `future` is done. Returns the last cancellation that arrived meanwhile, if any."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


def _cancel_again() -> None:
    """Let the cancellation whose place a body's exception took come with the task's next await.

    As asyncio.TaskGroup does since 3.13: the cancellation is taken back first, so that their count stays right.
    """
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
        task.cancel()


def _is_clean_exit(raised: BaseException) -> bool:
    return isinstance(raised, SystemExit) and (
        raised.code is None or (isinstance(raised.code, int) and raised.code == 0)
    )


def _describe(raised: BaseException) -> str:
    text = _str_of(raised)
    return f"{type(raised).__name__}: {text}" if text else type(raised).__name__


def _recordable(output: object) -> str | bytes | None:
    """The output as text or bytes: its type, whatever the body left, must not keep the end out of the log."""
    if output is None or isinstance(output, str | bytes):
        return output
    return bytes(output) if isinstance(output, bytearray | memoryview) else _str_of(output)


def _str_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - somebody else's __str__
        return ""


def _add_note(error: BaseException, trouble: BaseException) -> None:
    error.add_note(f"{type(trouble).__name__}: {trouble}")


def _log(trouble: Exception) -> None:
    logging.getLogger("producer").warning("%s", trouble)
