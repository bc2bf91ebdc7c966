"""Work done in a child that kills itself with SIGKILL at the n-th step it takes towards a disk or the server.

A program of its own forks these children: it has no threads, and has loaded everything once. A step is a file opened
for writing, a directory made, a file linked, renamed or removed (each just before), half of a write, an fsync; and of
each call of the server the moments before, between commands sent together, and before the reply is read, unless it
only reads: who dies there leaves what he leaves at the next step.
"""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.support.servers import die_with_parent

SEGMENT_ENTRIES = 20
"""So that a small log has several segments."""


class Mortal:
    """The program, seen from a test."""

    def __init__(self, url: str, namespace: str, where: str) -> None:
        self._arguments = [url, namespace, where]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.dying"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )

    def does(self, work: str, *, until: int = 0) -> int:
        """The exit status of a child that does `work` and dies at step `until` (0: never), as subprocess has it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([work, until, *self._arguments]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=20)


@contextmanager
def mortal(url: str, namespace: str, where: str) -> Iterator[Mortal]:
    opened = Mortal(url, namespace, where)
    try:
        yield opened
    finally:
        opened.close()


# -- the works --


def _archive(url: str, namespace: str, where: str) -> None:
    from producer.connection.client import using_client
    from projector.archive.archive import Archive
    from projector.archive.archiver import Archiver

    with using_client(url) as client:
        Archiver(client, Archive.at(where, namespace)).once()


def _snapshot(_url: str, namespace: str, where: str) -> None:
    from projector.archive.archive import Archive
    from projector.bounds import Bounds
    from projector.snapshot import Snapshots

    archive = Archive.at(where, namespace)
    Snapshots(archive.place).take(archive, Bounds())


def _trim(url: str, namespace: str, where: str) -> None:
    from projector.archive.archive import Archive
    from projector.retention import Retention
    from projector.worker.projector import Projector

    last_id = Archive.at(where, namespace).last_id
    Projector(url, namespace, retention=Retention(entries=3), archived_to=lambda: last_id).drain()


def _restore(url: str, namespace: str, where: str) -> None:
    from projector.archive.archive import Archive
    from projector.bounds import Bounds
    from projector.restore import restore
    from projector.retention import Retention

    restore(Archive.at(where, namespace), url, bounds=Bounds(), retention=Retention(entries=5))


def _rebuild(url: str, namespace: str, where: str) -> None:
    from projector.shadow import rebuild

    rebuild(url, namespace, archive=where)


_WORKS: dict[str, Callable[[str, str, str], None]] = {
    "archive": _archive,
    "snapshot": _snapshot,
    "trim": _trim,
    "restore": _restore,
    "rebuild": _rebuild,
}


# -- the deaths --


class _Fate:
    """Counts steps, and kills this process at the one that is due."""

    def __init__(self, until: int) -> None:
        self._left = until

    def is_due(self) -> bool:
        self._left -= 1
        return self._left == 0

    def step(self) -> None:
        if self.is_due():
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


_BY_EVENT = ("os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")


_READING = {
    *("GET", "TYPE", "EXISTS", "PTTL", "SCAN", "TIME", "INFO", "LRANGE", "LLEN", "ZRANGE", "ZSCORE"),
    *("HGET", "HMGET", "HGETALL", "HLEN", "HSCAN", "XRANGE", "XREVRANGE", "XLEN", "XINFO"),
}


def _name_of(command: Sequence[Any]) -> str:
    name = command[0]
    return (name.decode() if isinstance(name, bytes) else str(name)).partition(" ")[0].upper()


def _strike(fate: _Fate) -> None:
    """Let `fate` befall this process from now on."""
    from producer.connection.wire import Wire

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _BY_EVENT or (event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)):
            fate.step()

    fsync, send = os.fsync, Wire.send

    def dying_fsync(descriptor: int) -> None:
        fate.step()
        fsync(descriptor)

    class Torn(io.BufferedWriter):
        def write(self, content: Any) -> int:
            if fate.is_due():
                super().write(content[: len(content) // 2])
                self.flush()
                _die()
            return super().write(content)

    def dying_send(self: Wire, commands: Any) -> None:
        several = list(commands)
        if all(_name_of(command) in _READING for command in several):
            send(self, several)
            return
        fate.step()
        if len(several) > 1 and fate.is_due():
            send(self, several[: len(several) // 2])
            _die()
        send(self, several)
        fate.step()

    sys.addaudithook(hear)
    os.fsync = dying_fsync  # type: ignore[assignment]
    os.fdopen = lambda descriptor, _mode, closefd=True: Torn(io.FileIO(descriptor, "wb", closefd))  # type: ignore[assignment]
    Wire.send = dying_send  # type: ignore[method-assign]


def _child(work: str, until: int, url: str, namespace: str, where: str) -> int:
    child = os.fork()
    if child == 0:
        try:
            if until:
                _strike(_Fate(until))
            _WORKS[work](url, namespace, where)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a fork of the program ends here, whatever happens
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main() -> None:
    sys.dont_write_bytecode = True  # else a child would write some, and count that
    from projector.archive import draft

    draft.MAX_ENTRIES = SEGMENT_ENTRIES  # type: ignore[attr-defined]
    _load()
    gc.collect()
    gc.freeze()  # or each child would look through all of it
    for line in sys.stdin:
        print(_child(*json.loads(line)), flush=True)


def _load() -> None:
    """Import what the works import, once for all children."""
    import projector.archive.archiver
    import projector.bounds
    import projector.restore
    import projector.retention
    import projector.shadow
    import projector.snapshot
    import projector.worker.projector  # noqa: F401


if __name__ == "__main__":
    main()
