"""Blocking work in a thread, awaited to its end by a task that may be cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context


def in_thread(function: Callable[..., None], *arguments: object) -> asyncio.Future[None]:
    """Call `function` in the loop's executor, with the caller's context variables."""
    # Not asyncio.to_thread in a task of its own: asyncio.run cancels every task when it ends, this one too.
    return asyncio.get_running_loop().run_in_executor(None, copy_context().run, function, *arguments)


async def settle(future: asyncio.Future[None]) -> asyncio.CancelledError | None:
    """Wait until `future` is done. Returns the last cancellation that arrived meanwhile, if any."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


def cancel_again() -> None:
    """Let the cancellation whose place a body's exception took come with the task's next await.

    As asyncio.TaskGroup does since 3.13: the cancellation is taken back first, so that their count stays right.
    """
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
        task.cancel()
