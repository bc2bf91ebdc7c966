"""One run of an action, recorded around a body: `with`, `async with`, and a decorator."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from producer.errors import InvalidOperation, NotYetDurable, Unavailable
from producer.receipt import Receipt

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Execution", "Tracked"]

_F = TypeVar("_F", bound=Callable[..., Any])


class _Recorder(Protocol):
    def begin(self, run: Execution) -> Receipt: ...

    def end(self, run: Execution) -> None: ...

    def action_execution_completed(
        self,
        action_id: str,
        success: bool,
        *,
        output: str | bytes | None = None,
        error: str | None = None,
        duration_ms: float,
        execution_id: str | None = None,
    ) -> Receipt: ...

    def execution(
        self, action_id: str, *, source: str, execution_type: str, on_unavailable: Literal["raise", "log"]
    ) -> Execution: ...


class Execution:
    """A run: `execution_id` names it, `output` is recorded with its end, `fail(text)` makes it a failure.

    Any exception out of the body makes it a failure with the text `Type: message` (`SystemExit(0)` a success) and
    goes on; trouble with the record is then a note on it. Enter it once.
    """

    def __init__(
        self,
        recorder: _Recorder,
        action_id: str,
        *,
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
        self._recorder = recorder
        self._on_unavailable = on_unavailable
        self._monotonic = monotonic
        self._began: float | None = None
        self._error: str | None = None
        self._ending = threading.Lock()  # whoever has it records the end

    def fail(self, text: str) -> None:
        """Make this run a failure with the error `text`; the body goes on."""
        self._error = str(text)

    def abandon(self, error: str) -> None:
        """Record its end as a failure in place of its body, which may go on: its producer does not."""
        self._record_end(error, self._elapsed())

    # -- what both kinds of `with` do --

    def _start(self) -> None:
        if self._began is not None:
            raise RuntimeError("this execution was entered before: make a new one for each run")
        try:
            self.started = self._recorder.begin(self)
        except Unavailable as error:
            if self._on_unavailable == "raise":
                if isinstance(error, NotYetDurable):  # the start stands in the log, so its end has to
                    self._finish(error, 0.0)
                self._recorder.end(self)
                raise
            _log(error)
        except BaseException:
            self._recorder.end(self)
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
            return  # it was abandoned while its body ran
        self._recorder.end(self)
        self.completed = self._recorder.action_execution_completed(
            self.action_id,
            error is None,
            output=_text_of_any(self.output),
            error=error,
            duration_ms=duration_ms,
            execution_id=self.execution_id,
        )

    def _report(self, trouble: Exception, raised: BaseException | None) -> None:
        """What became of the end's record: raised only where the body raised nothing."""
        if raised is not None:
            raised.add_note(f"{type(trouble).__name__}: {trouble}")
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
            cancelled.add_note(f"{type(trouble).__name__}: {trouble}")
        else:  # the start stands in the log, so its end has to
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
                cancelled.add_note(f"{type(trouble).__name__}: {trouble}")
            raise cancelled
        elif not isinstance(raised, asyncio.CancelledError):
            _cancel_again()


def _in_thread(function: Callable[..., None], *arguments: object) -> asyncio.Future[None]:
    # Not asyncio.to_thread in a task of its own: asyncio.run cancels every task when it ends, this one would be lost.
    return asyncio.get_running_loop().run_in_executor(None, copy_context().run, function, *arguments)


async def _settle(future: asyncio.Future[None]) -> asyncio.CancelledError | None:
    """Wait until `future` is done, whatever cancels us meanwhile; the cancellation, if there was one."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


def _cancel_again() -> None:
    """The body's exception goes on; the cancellation that it took the place of comes with the next await.

    As asyncio.TaskGroup does it since 3.13: taken back first, so that the count of cancellations stays right.
    """
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
        task.cancel()


class Tracked:
    """The decorator that `Producer.tracked` makes."""

    def __init__(
        self,
        recorder: _Recorder,
        action_id: str,
        *,
        source: str,
        execution_type: str,
        on_unavailable: Literal["raise", "log"],
    ) -> None:
        self._recorder = recorder
        self._action_id = action_id
        self._options = {"source": source, "execution_type": execution_type}
        self._on_unavailable = on_unavailable

    def __call__(self, function: _F) -> _F:
        if isinstance(function, staticmethod | classmethod):
            return cast("_F", type(function)(self(function.__func__)))
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"expected a function or coroutine function, found {function!r}")
        if _is_one(inspect.isgeneratorfunction, function) or _is_one(inspect.isasyncgenfunction, function):
            raise TypeError(
                f"{function!r} is a generator, whose run ends with its consumer: "
                "use `with producer.execution(…)` inside it"
            )
        if _is_one(inspect.iscoroutinefunction, function):
            coroutine = cast("Callable[..., Coroutine[Any, Any, Any]]", function)

            @functools.wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                async with self._execution():
                    return await coroutine(*args, **kwargs)

            return cast("_F", run_async)

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self._execution():
                return function(*args, **kwargs)

        return cast("_F", run)

    def _execution(self) -> Execution:
        return self._recorder.execution(self._action_id, on_unavailable=self._on_unavailable, **self._options)


def _is_one(kind: Callable[[object], bool], function: Callable[..., Any]) -> bool:
    """Whether `function` is of that kind itself, or an object whose `__call__` is."""
    return kind(function) or kind(type(function).__call__)


def _is_clean_exit(raised: BaseException) -> bool:
    return isinstance(raised, SystemExit) and (
        raised.code is None or (isinstance(raised.code, int) and raised.code == 0)
    )


def _describe(raised: BaseException) -> str:
    text = _str_of(raised)
    return f"{type(raised).__name__}: {text}" if text else type(raised).__name__


def _text_of_any(output: object) -> str | bytes | None:
    """The body has run: what it left as output, of whatever type, must not keep its end out of the log."""
    if output is None or isinstance(output, str | bytes):
        return output
    if isinstance(output, bytearray | memoryview):
        return bytes(output)
    return _str_of(output)


def _str_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - somebody else's __str__
        return ""


def _log(trouble: Exception) -> None:
    logging.getLogger("producer").warning("%s", trouble)
