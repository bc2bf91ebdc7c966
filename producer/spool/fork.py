"""Spools and `fork`: SQLite is at rest while one takes place, and the child has no part in the parent's files.

A SQLite connection that is carried into a child must not be used there, nor even be closed: closing it would tidy up
the file under the parent's hands.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["held_off", "keep_apart"]


class _Apart(Protocol):
    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def leave_to_parent(self) -> list[object]: ...


_all: weakref.WeakSet[_Apart] = weakref.WeakSet()
_forking = threading.RLock()
_paused: list[_Apart] = []


def keep_apart(spool: _Apart) -> None:
    """Pause `spool` for each fork from now on. In the child it is left to the parent, and what it gives is kept."""
    with held_off():
        _all.add(spool)


@contextmanager
def held_off() -> Iterator[None]:
    """No fork takes place meanwhile: SQLite is at work for what is no spool yet."""
    with _forking:
        yield


def _before() -> None:
    _forking.acquire()
    _paused[:] = _all
    for spool in _paused:
        spool.pause()


def _in_parent() -> None:
    while _paused:
        _paused.pop().resume()
    _forking.release()


def _in_child() -> None:
    global _forking
    _forking = threading.RLock()
    while _paused:
        for connection in _paused.pop().leave_to_parent():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))  # never closed, not even when the child ends


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
