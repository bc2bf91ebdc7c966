"""Forks: SQLite is at rest during a fork, and the child has no part in its parent's files.

A child must neither use nor close a SQLite connection of its parent: closing would tidy up the file that the parent
still uses.
"""

import ctypes
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class _Apart(Protocol):
    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def leave_to_parent(self) -> list[object]: ...


_all: weakref.WeakSet[_Apart] = weakref.WeakSet()
_forking = threading.RLock()
_paused: list[_Apart] = []


def keep_apart(spool: _Apart) -> None:
    """Pause `spool` for each fork from now on, and leave it to the parent in the child."""
    with held_off():
        _all.add(spool)


@contextmanager
def held_off() -> Iterator[None]:
    """Let no fork take place meanwhile: SQLite is at work on a file that is not kept apart yet."""
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
