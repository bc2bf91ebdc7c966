"""One run of an action, recorded around a body: `with`, `async with`, and a decorator."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from producer.errors import InvalidOperation, WalUnavailable
from producer.receipt import Receipt

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Execution", "Tracked"]

_F = TypeVar("_F", bound=Callable[..., Any])


class _Recorder(Protocol):
    def action_execution_started(
        self, action_id: str, source: str, execution_type: str, *, execution_id: str | None = None
    ) -> Receipt: ...

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
        self.execution_id = execution_id or secrets.token_hex(8)
        self.output: str | bytes | None = None
        self.started: Receipt | None = None
        self.completed: Receipt | None = None
        self._recorder = recorder
        self._source = source
        self._execution_type = execution_type
        self._on_unavailable = on_unavailable
        self._monotonic = monotonic
        self._began: float | None = None
        self._error: str | None = None

    def fail(self, text: str) -> None:
        """Make this run a failure with the error `text`; the body goes on."""
        self._error = str(text)

    # ---- what both kinds of `with` do ---------------------------------------------------------------------------

    def _start(self) -> None:
        if self._began is not None:
            raise RuntimeError("this execution was entered before: make a new one for each run")
        try:
            self.started = self._recorder.action_execution_started(
                self.action_id, self._source, self._execution_type, execution_id=self.execution_id
            )
        except WalUnavailable as error:
            if self._on_unavailable == "raise":
                raise
            _log(error)
        self._began = self._monotonic()

    def _finish(self, raised: BaseException | None, duration_ms: float) -> None:
        error = self._error if raised is None or _is_clean_exit(raised) else _describe(raised)
        output: object = self.output
        if output is not None and not isinstance(output, str | bytes):
            output = str(output)  # the body has run: what it left must not keep its end out of the log
        try:
            self.completed = self._recorder.action_execution_completed(
                self.action_id,
                error is None,
                output=output,
                error=error,
                duration_ms=duration_ms,
                execution_id=self.execution_id,
            )
        except WalUnavailable as trouble:
            if self._on_unavailable == "log":
                _log(trouble)
            elif raised is None:
                raise
            if raised is not None:
                raised.add_note(str(trouble))

    def _elapsed(self) -> float:
        assert self._began is not None
        return max(0.0, (self._monotonic() - self._began) * 1000)

    # -- with --

    def __enter__(self) -> Execution:
        self._start()
        return self

    def __exit__(self, _type: object, raised: BaseException | None, _traceback: TracebackType | None) -> None:
        self._finish(raised, self._elapsed())

    # -- async with --

    async def __aenter__(self) -> Execution:
        starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        cancelled = await _settle(starting)
        starting.result()  # what went wrong with the start comes first
        if cancelled is not None:  # the start stands in the log, so its end has to
            await _settle(asyncio.ensure_future(asyncio.to_thread(self._finish, cancelled, self._elapsed())))
            raise cancelled
        return self

    async def __aexit__(self, _type: object, raised: BaseException | None, _traceback: TracebackType | None) -> None:
        finishing = asyncio.ensure_future(asyncio.to_thread(self._finish, raised, self._elapsed()))
        cancelled = await _settle(finishing)
        if cancelled is None:
            finishing.result()
            return
        if (trouble := finishing.exception()) is not None:
            cancelled.add_note(str(trouble))
        raise cancelled


async def _settle(future: asyncio.Future[None]) -> asyncio.CancelledError | None:
    """Wait until `future` is done, whatever cancels us meanwhile; the cancellation, if there was one."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


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
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__qualname__} is a generator, whose run ends with its consumer: "
                "use `with producer.execution(…)` inside it"
            )
        if inspect.iscoroutinefunction(function):
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


def _is_clean_exit(raised: BaseException) -> bool:
    return isinstance(raised, SystemExit) and raised.code in (None, 0)


def _describe(raised: BaseException) -> str:
    try:
        text = str(raised)
    except Exception:  # noqa: BLE001 - somebody else's __str__
        text = ""
    return f"{type(raised).__name__}: {text}" if text else type(raised).__name__


def _log(trouble: WalUnavailable) -> None:
    logging.getLogger("producer").warning("%s", trouble)
