"""The archiver's process: archives by each order that it reads, until that is stopped; ends with its parent."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from msgspec.json import decode, encode

from producer.connection.client import Client, using_client
from producer.connection.pause import Pause
from producer.errors import WalError
from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.archive.signature import Signer
from projector.archiving.orders import News, Order, Stop
from projector.bounds import Bounds
from projector.snapshot import Snapshots

NICENESS = 5
"""Where the processors are busy, the fold comes first."""
_FIRST_LOOK_SECONDS, _LONGEST_LOOK_SECONDS = 1.0, 10.0
"""How often an archiver looks at a log that is idle, if it is to seal much later than that."""
_LOOKS_UNTIL_SEALED = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0

_log = logging.getLogger("projector")
_one_at_a_time = threading.Lock()
"""Of snapshots: each folds up to a million entries in memory."""


class Work:
    """The work on one order, in a thread of its own, behind the work `before` on the same archive."""

    def __init__(self, order: Order, before: Work | None) -> None:
        self._order = order
        self._before = before
        self._stopping = threading.Event()
        self._dropped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=order.namespace, daemon=True)
        self._thread.start()

    def stop(self, *, rest: bool) -> None:
        """End, after the `rest` is archived or at once."""
        if not rest:
            self._dropped.set()
        self._stopping.set()

    def _run(self) -> None:
        if self._before is not None:
            self._before._thread.join()
            self._before = None
        while not self._dropped.is_set():
            try:
                archive(self._order, self._stopping, _tell, self._dropped)
                break
            except Exception as error:  # noqa: BLE001 - logged whole, and told
                _log.exception("archiving namespace %s failed, which is a bug", self._order.namespace)
                _tell(News(number=self._order.number, trouble=f"{type(error).__name__}: {error}"))
                if self._stopping.wait(_LONGEST_PAUSE):
                    break
        _tell(News(number=self._order.number, ended=True))


def main() -> None:
    os.nice(NICENESS)
    works: dict[str, Work] = {}
    for line in sys.stdin.buffer:
        task = decode(line, type=Order | Stop)
        if isinstance(task, Order):
            works[task.namespace] = Work(task, works.get(task.namespace))
        else:
            works[task.namespace].stop(rest=task.rest)
    os._exit(0)  # the parent has ended, and nothing that is half done does harm


def _tell(news: News) -> None:
    os.write(sys.stdout.fileno(), encode(news) + b"\n")  # a line at once, whichever thread it comes from


def archive(
    order: Order,
    stopping: threading.Event,
    tell: Callable[[News], object],
    dropped: threading.Event | None = None,
) -> None:
    """Archive by `order` until `stopping` is set, then the rest, unless it was `dropped`; again after trouble.

    `tell` gets what is new.
    """
    archiver: Archiver | None = None
    snapshot: threading.Thread | None = None
    pause, seen = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=stopping.wait), 0
    longest = max(_FIRST_LOOK_SECONDS, min(_LONGEST_LOOK_SECONDS, order.seal_after / _LOOKS_UNTIL_SEALED))
    look = Pause(_FIRST_LOOK_SECONDS, longest, sleep=stopping.wait)
    told = News(number=order.number)
    with using_client(order.url, order.namespace) as client:
        while not (dropped and dropped.is_set()):
            last, more, trouble = stopping.is_set(), False, ""
            try:
                archiver = archiver or _archiver(order, client)
                more = archiver.step(everything=last)
                if archiver.archive.count > seen and not last and not (snapshot and snapshot.is_alive()):
                    seen = archiver.archive.count
                    snapshot = threading.Thread(target=_snapshot, args=(order, archiver.bounds), daemon=True)
                    snapshot.start()  # beside the archiving, because it folds up to a million entries
                pause.reset()
            except WalError as error:
                trouble = str(error)
            archived_to = archiver.archived_to if archiver else ""
            news = News(number=order.number, archived_to=archived_to, trouble=trouble)
            if news != told:
                tell(news)
                told = news
                look.reset()
            if last and not more:
                return
            if trouble:
                pause.wait()
            elif more:
                look.reset()
            else:
                look.wait()


def _archiver(order: Order, client: Client) -> Archiver:
    signer = Signer(Path(order.sign_key)) if order.sign_key else None
    return Archiver(client, Archive.at(order.where, order.namespace), signer=signer, seal_after=order.seal_after)


def _snapshot(order: Order, bounds: Bounds | None) -> None:
    try:
        archive = Archive.at(order.where, order.namespace)
        with _one_at_a_time:
            Snapshots(archive.place).take_if_due(archive, bounds)
    except WalError as error:
        _log.warning("no snapshot of namespace %s was taken: %s", order.namespace, error)


if __name__ == "__main__":
    main()
