"""One run of an action, recorded around a body by `with`, `async with` or the decorator `tracked`."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import secrets
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Literal

from producer.errors import InvalidOperation, NotYetDurable, Unavailable, UnusableServer
from producer.execution.threads import Threads
from producer.identity import Receipt

_log = logging.getLogger("producer")


class Execution:
    """A run: `execution_id` names it, `output` is recorded with its end, `fail(text)` makes it a failure.

    An exception out of the body makes the run a failure with the text `Type: message` (`SystemExit(0)` a success) and
    goes on; trouble with the record is then a note on it. Enter an execution once.

    A cleanup that the same `producer` records within the body belongs to the run. Tasks that the body starts inherit
    that, and so do threads that run in a copy of its context (`asyncio.to_thread`); other threads do not.

    `started` and `completed` are the receipts of its start and end, None until they were recorded.
    """

    def __init__(
        self,
        action_id: str,
        *,
        producer: object,
        begin: Callable[[Execution], Receipt],
        end: Callable[[Execution], None],
        record_end: Callable[..., Receipt],
        threads: Threads,
        source: str,
        execution_type: str,
        execution_id: str | None,
        command: str | None,
        attempt: int | None,
        labels: dict[str, str] | None,
        on_unavailable: Literal["raise", "log"],
        monotonic: Callable[[], float],
    ) -> None:
        if on_unavailable not in ("raise", "log"):
            raise InvalidOperation("on_unavailable", '"raise" or "log"', repr(on_unavailable))
        self.action_id = action_id
        self.source = source
        self.execution_type = execution_type
        self.execution_id = secrets.token_hex(8) if execution_id is None else execution_id
        self.command, self.attempt, self.labels = command, attempt, labels
        self.output: str | bytes | None = None
        self.started: Receipt | None = None
        self.completed: Receipt | None = None
        self._producer = producer
        self._begin, self._end, self._record_completed = begin, end, record_end
        self._threads = threads
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
        except BaseException as error:
            if not isinstance(error, Unavailable | UnusableServer) or self._on_unavailable == "raise":
                if isinstance(error, NotYetDurable):  # the start is in the log, so the end must follow
                    self._finish(error, 0.0)
                self._end(self)
                raise
            self._warn(error)
        self._began = self._monotonic()

    def _finish(self, raised: BaseException | None, duration_ms: float) -> None:
        """Record the end. Raises why that failed only if the body `raised` nothing."""
        error = self._error if raised is None or _is_clean_exit(raised) else _describe(raised)
        try:
            self._record_end(error, duration_ms)
        except Exception as trouble:
            if raised is not None:
                _add_note(raised, trouble)
            elif self._on_unavailable == "raise" or not isinstance(trouble, Unavailable | UnusableServer):
                raise
            if self._on_unavailable == "log" or not isinstance(raised, Exception):
                self._warn(trouble)  # nobody reads the notes of a SystemExit or a CancelledError

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

    def _warn(self, trouble: BaseException) -> None:
        _log.warning("run %s of %r: %s", self.execution_id, self.action_id, trouble)

    def _elapsed(self) -> float:
        return 0.0 if self._began is None else max(0.0, (self._monotonic() - self._began) * 1000)

    # The caller's context, not a thread's of `_threads`, has the body.

    def _enclose(self) -> None:
        _enclosing.set((*(run for run in _enclosing.get() if not run._ending.locked()), self))

    def _release(self) -> None:
        # Without a token, which another context would not take: a body may end in another task than it began in.
        _enclosing.set(tuple(run for run in _enclosing.get() if run is not self))

    def __repr__(self) -> str:
        state = "ended" if self._ending.locked() else "not started" if self._began is None else "running"
        return f"<Execution {self.execution_id} of {self.action_id}, {state}>"

    # -- with --

    def __enter__(self) -> Execution:
        self._start()
        self._enclose()
        return self

    def __exit__(self, _type: object, raised: BaseException | None, _traceback: object) -> None:
        self._release()
        self._finish(raised, self._elapsed())

    # -- async with --

    async def __aenter__(self) -> Execution:
        trouble, cancelled = await self._threads.call(self._start, droppable=True)
        if cancelled is None:
            if trouble is not None:
                raise trouble
            self._enclose()
            return self
        if trouble is not None:
            _add_note(cancelled, trouble)
        else:  # the start is in the log, so the end must follow
            await self._threads.call(self._finish, cancelled, self._elapsed())
        raise cancelled

    async def __aexit__(self, _type: object, raised: BaseException | None, _traceback: object) -> None:
        self._release()
        trouble, cancelled = await self._threads.call(self._finish, raised, self._elapsed())
        if cancelled is None:
            if trouble is not None:
                raise trouble
        elif raised is None:
            if trouble is not None:
                _add_note(cancelled, trouble)
            raise cancelled
        elif not isinstance(raised, asyncio.CancelledError) and (task := asyncio.current_task()) is not None:
            # `raised` goes on in place of the cancellation, which comes with the task's next await. As in
            # asyncio.TaskGroup since 3.13, it is taken back first, so that the count of cancellations stays right.
            task.uncancel()
            task.cancel()


_enclosing: ContextVar[tuple[Execution, ...]] = ContextVar("producer_enclosing", default=())
"""The runs in whose bodies this context is, the innermost last; of all producers, and also some that have ended."""


def enclosing(producer: object) -> str | None:
    """The execution id of the innermost open run of `producer` in whose body the caller is, if there is one."""
    for run in reversed(_enclosing.get()):
        if run._producer is producer and not run._ending.locked():
            return run.execution_id
    return None


def abandon(runs: Iterable[Execution]) -> None:
    """Record the end of the open `runs` as failures, because their producer exits."""
    for run in runs:
        try:
            run.abandon("producer exited")
        except Unavailable as error:
            _log.warning("runs stay open, since the producer exits: %s", error)
            return  # the other runs would fail in the same way, after as long a wait


def tracked(function: Any, execution: Callable[[], Execution]) -> Any:
    """`function` or coroutine function, each call of which runs within a new `execution()`.

    Raises TypeError for a generator and for whatever else is no function.
    """
    if isinstance(function, staticmethod | classmethod):
        return type(function)(tracked(function.__func__, execution))
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"expected a function or coroutine function, found {function!r}")
    if _is_one(inspect.isgeneratorfunction, function) or _is_one(inspect.isasyncgenfunction, function):
        raise TypeError(
            f"{function!r} is a generator, whose run ends with its consumer: "
            "use `with producer.execution(…)` inside it"
        )
    if _is_one(inspect.iscoroutinefunction, function):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            async with execution():
                return await function(*args, **kwargs)

        return run_async

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with execution():
            return function(*args, **kwargs)

    return run


def _is_one(kind: Callable[[object], bool], function: Callable[..., Any]) -> bool:
    """Whether `function` is of that kind itself, or an object whose `__call__` is."""
    return kind(function) or kind(type(function).__call__)


def _is_clean_exit(raised: BaseException) -> bool:
    return isinstance(raised, SystemExit) and isinstance(raised.code, int | None) and not raised.code


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
