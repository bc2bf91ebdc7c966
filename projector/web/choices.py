"""A query for each choice of namespaces that somebody has made, so many of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_Q = TypeVar("_Q")

_MOST = 64


class Choices(Generic[_Q]):
    """Makes queries by `make`, and forgets those that were not chosen for the longest time."""

    def __init__(self, make: Callable[[tuple[str, ...]], _Q]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[str, ...], _Q] = OrderedDict()

    def of(self, namespaces: tuple[str, ...]) -> _Q:
        with self._lock:
            if namespaces not in self._made:
                self._made[namespaces] = self._make(namespaces)
            self._made.move_to_end(namespaces)
            if len(self._made) > _MOST:
                self._made.popitem(last=False)  # its connections close when the last request has let go of it
            return self._made[namespaces]

    def all(self) -> list[_Q]:
        with self._lock:
            return list(self._made.values())
