"""A bar on the terminal for commands that take long; nothing where stderr is no terminal."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_MOMENT_SECONDS = 0.3
"""What is done by then gets no bar, which would only flash."""


@contextmanager
def progress_bar(
    what: str, *, in_bytes: bool = False, noun: str = "entries", after_a_moment: bool = False
) -> Iterator[Callable[[int, int], None]]:
    """A bar under the name `what` until the body ends; `after_a_moment`: only if that takes longer.

    The body calls what it gets with two numbers: how many entries (bytes, `noun`) are done, and of how many.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    begun = time.monotonic()
    bar: Any = None
    with ExitStack() as shown:

        def show() -> None:
            nonlocal bar
            shown.enter_context(_interruptible())
            bar = shown.enter_context(_bar(in_bytes=in_bytes, noun=noun))
            bar.add_task(what, total=None)

        def update(done: int, total: int) -> None:
            if bar is None and time.monotonic() - begun > _MOMENT_SECONDS:
                show()
            if bar is not None:
                bar.update(bar.task_ids[0], completed=done, total=total)

        if not after_a_moment:
            show()
        yield update


def _bar(*, in_bytes: bool, noun: str) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),  # a file may have brackets in its name
        BarColumn(),
        *([DownloadColumn()] if in_bytes else [MofNCompleteColumn(), TextColumn(noun)]),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Where Ctrl-C would end the process at once, let it do so after the bar has given the cursor back."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
