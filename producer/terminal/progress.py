"""A bar on the terminal for commands that take long; nothing where stderr is no terminal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progressed(Protocol):
    """Is told how many entries (or bytes) are done, and of how many."""

    def __call__(self, done: int, total: int) -> None: ...


@contextmanager
def progress_bar(what: str, *, in_bytes: bool = False) -> Iterator[Progressed]:
    """A bar under the name `what` for as long as the body runs; the body tells the callable it gets how far it is."""
    if not sys.stderr.isatty():
        yield lambda done, total: None  # noqa: ARG005 - importers name `total`
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),  # a file may have brackets in its name
        BarColumn(),
        *([DownloadColumn()] if in_bytes else [MofNCompleteColumn(), TextColumn("entries")]),
        TimeRemainingColumn(),
    )
    with _interruptible(), Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


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
