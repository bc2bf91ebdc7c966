"""Processes of their own, so that what is measured has its own CPU and memory. None outlives the run."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from tests.support.servers import die_with_parent

__all__ = ["Companion", "in_own_process", "peak_memory_kib"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_CONTEXT = multiprocessing.get_context("spawn")
_PATIENCE = 60.0


def in_own_process(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """The result of `function`, run in a fresh interpreter; times that it takes itself leave out the start."""
    with ProcessPoolExecutor(1, _CONTEXT, initializer=die_with_parent) as executor:
        return executor.submit(function, *args, **kwargs).result()


class Companion(Generic[_T]):
    """`function(ready, stop, *args)` in a fresh interpreter, beside what is measured in the `with` block.

    The block begins when the function has set `ready`; after it `stop` is set, and `result` is what was returned.
    """

    def __init__(self, function: Callable[..., _T], *args: object) -> None:
        self._ready, self._stop = _CONTEXT.Event(), _CONTEXT.Event()
        self._receiving, sending = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_accompany, args=(sending, function, self._ready, self._stop, args))
        self._result: list[_T] = []

    @property
    def result(self) -> _T:
        return self._result[0]

    def __enter__(self) -> Companion[_T]:
        self._process.start()
        if not self._ready.wait(_PATIENCE):
            self._process.kill()
            raise RuntimeError(f"a companion was not ready within {_PATIENCE} s")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stop.set()
        try:
            if kind is None:
                if not self._receiving.poll(_PATIENCE):
                    raise RuntimeError("a companion ended without a result")
                self._result.append(self._receiving.recv())
        finally:
            self._process.join(1.0)
            self._process.kill()
            self._process.join()


def _accompany(
    sending: Connection, function: Callable[..., object], ready: Event, stop: Event, args: tuple[Any, ...]
) -> None:
    die_with_parent()
    sending.send(function(ready, stop, *args))


def peak_memory_kib() -> int:
    """The most memory that this process has had resident so far (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/status has no VmHWM: this benchmark needs Linux")
