"""Answers that are asked for again and again, kept for a moment: many open pages cost what one does."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")

_FRESH_SECONDS = 0.5
_SHARE = 10
"""An answer is good for so many times as long as it took to make: at most a tenth of a core goes into each."""
_COSTLY_SECONDS = 0.1
"""What took longer is given out old while it is made anew."""
_OLDEST_SECONDS = 30.0
_KEPT = 256


@dataclass(slots=True)
class _Answer(Generic[_T]):
    value: _T
    made_at: float
    took: float


class Cache(Generic[_T]):
    """Makes each answer once at a time; those who ask meanwhile share it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._answers: OrderedDict[Hashable, _Answer[_T]] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[_T]] = {}

    async def get(
        self,
        key: Hashable,
        make: Callable[[], Awaitable[_T]],
        *,
        fresh: float = _FRESH_SECONDS,
        oldest: float = _OLDEST_SECONDS,
        share: int = _SHARE,
    ) -> _T:
        """The answer by `make` of now, or of a moment ago: it is made anew after `fresh` seconds, or after `share`
        times as long as it took. Then one that is no older than `oldest` is given out meanwhile. Raises what `make`
        does."""
        if kept := self._answers.get(key):
            age = self._monotonic() - kept.made_at
            if age < max(fresh, share * kept.took):
                return kept.value
            if kept.took > _COSTLY_SECONDS and age < max(oldest, 2 * share * kept.took):
                self._begin(key, make)
                return kept.value
        return await asyncio.shield(self._begin(key, make))

    def _begin(self, key: Hashable, make: Callable[[], Awaitable[_T]]) -> asyncio.Task[_T]:
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(key, make))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait for it
        return task

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[_T]]) -> _T:
        begun = self._monotonic()
        try:
            value = await make()
        except BaseException:
            self._answers.pop(key, None)  # it would hide for half a minute what went wrong
            raise
        finally:
            del self._making[key]
        now = self._monotonic()
        self._answers[key] = _Answer(value, now, now - begun)
        self._answers.move_to_end(key)
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)
        return value
