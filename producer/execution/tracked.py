"""The decorator that makes each call of a function an execution."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from producer.execution.execution import Execution

_F = TypeVar("_F", bound=Callable[..., Any])


def tracked(function: _F, execution: Callable[[], Execution]) -> _F:
    """`function` or coroutine function, each call of which runs within a new `execution()`.

    Raises TypeError for a generator and for whatever else is no function.
    """
    if isinstance(function, staticmethod | classmethod):
        return cast("_F", type(function)(tracked(function.__func__, execution)))
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
            async with execution():
                return await coroutine(*args, **kwargs)

        return cast("_F", run_async)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with execution():
            return function(*args, **kwargs)

    return cast("_F", run)


def _is_one(kind: Callable[[object], bool], function: Callable[..., Any]) -> bool:
    """Whether `function` is of that kind itself, or an object whose `__call__` is."""
    return kind(function) or kind(type(function).__call__)
