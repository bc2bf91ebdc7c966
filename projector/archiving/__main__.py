"""The archiver's process: archives until it reads `stop`, then the rest; ends at once when its parent has ended."""

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
from projector.archiving.companion import News, Order
from projector.bounds import Bounds
from projector.snapshot import Snapshots

NICENESS = 5
"""Where the processors are busy, the fold comes first."""
_LOOK_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


def main() -> None:
    os.nice(NICENESS)
    order, stopping = decode(sys.stdin.buffer.readline(), type=Order), threading.Event()
    threading.Thread(target=_listen, args=(stopping,), daemon=True).start()
    archive(order, stopping, _tell)
    os._exit(0)  # the interpreter would wait for what the threads hold


def _listen(stopping: threading.Event) -> None:
    for _ in sys.stdin.buffer:
        stopping.set()
    os._exit(0)  # the parent has ended, and nothing that is half done does harm


def _tell(news: News) -> None:
    sys.stdout.buffer.write(encode(news) + b"\n")
    sys.stdout.buffer.flush()


def archive(order: Order, stopping: threading.Event, tell: Callable[[News], object]) -> None:
    """Archive by `order` until `stopping` is set, then the rest; again after trouble. `tell` gets what is new."""
    archiver: Archiver | None = None
    snapshot: threading.Thread | None = None
    pause, told, seen = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=stopping.wait), News(), 0
    with using_client(order.url, order.namespace) as client:
        while True:
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
            news = News(archived_to=archiver.archived_to if archiver else "", trouble=trouble)
            if news != told:
                tell(news)
                told = news
            if last and not more:
                return
            if trouble:
                pause.wait()
            elif not more:
                stopping.wait(_LOOK_SECONDS)


def _archiver(order: Order, client: Client) -> Archiver:
    signer = Signer(Path(order.sign_key)) if order.sign_key else None
    return Archiver(client, Archive.at(order.where, order.namespace), signer=signer, seal_after=order.seal_after)


def _snapshot(order: Order, bounds: Bounds | None) -> None:
    try:
        archive = Archive.at(order.where, order.namespace)
        Snapshots(archive.place).take_if_due(archive, bounds)
    except WalError as error:
        logging.getLogger("projector").warning("no snapshot was taken: %s", error)


if __name__ == "__main__":
    main()
