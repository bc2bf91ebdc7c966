"""Producers that record cleanups: alone, in threads, and in forked children."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable
from functools import cache
from multiprocessing.context import ForkServerContext

from producer import Producer

PATIENT = 60.0
"""Seconds within which a server that is there has got everything."""


def record(producer: Producer, count: int, label: str = "s") -> str:
    """`count` cleanups; whose they are."""
    receipts = [producer.cleanup_executed(label, str(number), "delete", True) for number in range(count)]
    return receipts[0].by


def work(producer: Producer, threads: int, operations: int) -> None:
    running = [threading.Thread(target=record, args=[producer, operations]) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


@cache
def forking_server(module: str) -> ForkServerContext:
    """Of processes that have nothing of this one, and begin at once: forked from one that has loaded `module`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


def in_a_fork(body: Callable[[], object]) -> None:
    """Run `body` in a forked child, killed when it takes too long; fails unless it ends well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)
        status = 1
        try:
            body()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
