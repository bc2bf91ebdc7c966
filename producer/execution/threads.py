"""The threads in which a producer's coroutines wait for the server.

In the event loop's default executor they would hold up what else is there: `getaddrinfo`, files, `asyncio.to_thread`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

MOST = 32
"""Threads of one producer. A further call waits until one of them is free."""


class Threads:
    """Made when first needed. The end of the process waits for the calls under way, not for idle threads."""

    def __init__(self) -> None:
        self.begin_process()

    def begin_process(self) -> None:
        """Begin anew, as in a forked child, which has none of the threads."""
        self._pool: ThreadPoolExecutor | None = None
        self._changing = threading.RLock()  # reentrant, because a signal handler may close the producer

    def stop(self) -> None:
        """Let the threads end after the calls that they have. A later call begins anew."""
        with self._changing:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)

    async def call(
        self, function: Callable[..., None], *arguments: object, droppable: bool = False
    ) -> tuple[BaseException | None, asyncio.CancelledError | None]:
        """Call `function` in a thread, with the caller's context variables, and wait for its end.

        Returns what it raised and the last cancellation that arrived meanwhile, if any. A call that is `droppable` is
        dropped if it is cancelled before it has a thread: then the cancellation goes on at once.
        """
        # Not asyncio.to_thread in a task of its own, because asyncio.run cancels every task when it ends.
        with self._changing:
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor

                self._pool = ThreadPoolExecutor(MOST, thread_name_prefix="producer-coroutines")
            waiting = self._pool.submit(copy_context().run, function, *arguments)
        calling = asyncio.wrap_future(waiting)
        cancelled: asyncio.CancelledError | None = None
        while not calling.done():
            try:
                await asyncio.wait([calling])
            except asyncio.CancelledError as error:
                if droppable and waiting.cancel():
                    raise
                cancelled = error
        return calling.exception(), cancelled
