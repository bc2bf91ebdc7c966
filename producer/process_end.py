"""Tasks for the end of this process, however it ends by itself.

`atexit` misses some ends: a child of multiprocessing that was not spawned leaves by os._exit. It runs
multiprocessing's own finalizers, though, and waits for its threads.
"""

import atexit
import logging
import os
import sys
import threading
from collections.abc import Callable

_LATE = -100
"""The priority: after multiprocessing's finalizers, and those that an engine is likely to have."""

_tasks: list[Callable[[], None]] = []
_expected_in = 0  # the process id


def at_process_end(task: Callable[[], None]) -> None:
    """Do `task` at the end, before the tasks added so far."""
    _tasks.insert(0, task)


def expect_process_end() -> None:
    """Have the tasks done at the end of this very process, even if it is a child of multiprocessing."""
    global _expected_in
    if _expected_in != os.getpid():
        _expected_in = os.getpid()
        if _leaves_by_exit():
            from multiprocessing.util import Finalize

            ending = threading.Thread(target=_end_behind_the_threads, name="producer-end", daemon=False)
            # Since Python 3.13 the finalizers run behind the threads, and nobody waits for a thread that they start.
            Finalize(None, _end if sys.version_info >= (3, 13) else ending.start, exitpriority=_LATE)


def _leaves_by_exit() -> bool:
    if "multiprocessing.process" not in sys.modules:
        return False
    import multiprocessing

    is_child = multiprocessing.parent_process() is not None
    return is_child and multiprocessing.get_start_method(allow_none=True) != "spawn"


def _end_behind_the_threads() -> None:
    """Do the tasks when all threads have ended that the process waits for, as at the end of an interpreter."""
    own = (threading.current_thread(), threading.main_thread())
    while others := [thread for thread in threading.enumerate() if not thread.daemon and thread not in own]:
        for thread in others:
            thread.join()
    _end()


def _end() -> None:
    for task in list(_tasks):
        try:
            task()
        except Exception:  # the other tasks are still to be done
            logging.getLogger("producer").exception("at the end of the process")


atexit.register(_end)
