"""The actions of the demonstration: real commands and tasks, through every door that the producer has."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from producer import Execution
from projector.demo.book import Book, BookedProducer
from projector.demo.scratch import Scratch, text
from projector.embedded import tethered

__all__ = ["BATCH", "CRON", "OPERATOR", "WATCHER", "Job", "Shift"]

_PRODUCER_RUN = [sys.executable, "-c", "from producer.cli import main; main()", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What a worker has at hand while it works."""

    producer: BookedProducer
    book: Book
    scratch: Scratch
    url: str
    chance: random.Random

    def fresh(self, directory: Path, suffix: str) -> Path:
        """A name in `directory` that nobody else takes."""
        return directory / f"{os.getpid()}-{self.chance.getrandbits(32):08x}{suffix}"


Job = Callable[[Shift], None]


# -- crons: shell commands under `producer run`, as in a crontab --


def back_up(shift: Shift) -> None:
    archive = shift.fresh(shift.scratch.backups, ".tar.gz")
    documents = shift.scratch.documents
    _producer_run(shift, "nightly-backup", "cron:nightly", ["tar", "-czf", str(archive), "-C", str(documents), "."])


def rotate_logs(shift: Shift) -> None:
    log = shift.fresh(shift.scratch.logs, ".log")
    log.write_text(text(shift.chance, 40_000))
    _producer_run(shift, "rotate-logs", "cron:hourly", ["gzip", "-9", str(log)])


def mirror(shift: Shift) -> None:
    """Fails: the volume that it copies from is not mounted."""
    volume = shift.scratch.root / "volume"
    _producer_run(shift, "mirror-volume", "cron:nightly", ["tar", "-cf", "/dev/null", "-C", str(volume), "."])


# -- watchers: functions under the decorator --


def check_documents(shift: Shift) -> None:
    @shift.producer.tracked("verify-checksums", source="watcher:inbox")
    def verify() -> str:
        draft = shift.fresh(shift.scratch.drafts, ".sha256")  # left behind, for a scanner to find
        sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in shift.scratch.documents.iterdir()]
        draft.write_text("\n".join(sums))
        return f"{len(sums)} documents"

    verify()


def notify(shift: Shift) -> None:
    with _port(listening=True) as port:
        _notify(shift, port)


def notify_in_vain(shift: Shift) -> None:
    """Fails: nobody listens."""
    with _port(listening=False) as port:
        _notify(shift, port)


def _notify(shift: Shift, port: int) -> None:
    @shift.producer.tracked("notify", source="watcher:idle-check")
    def tell() -> None:
        _connect(port)

    tell()


# -- an operator: the context manager around a command --


def deploy(shift: Shift) -> None:
    with _port(listening=True) as port:
        _deploy(shift, port)


def deploy_in_vain(shift: Shift) -> None:
    """Fails: the target refuses the connection. The lock and the worktree are left behind, for a scanner to find."""
    with _port(listening=False) as port:
        _deploy(shift, port)


def _deploy(shift: Shift, port: int) -> None:
    lock = shift.fresh(shift.scratch.locks, ".lock")
    worktree = shift.fresh(shift.scratch.worktrees, "")
    with shift.producer.execution("deploy", source="manual") as run:
        lock.touch()
        _run(run, ["cp", "-R", str(shift.scratch.documents), str(worktree)])
        _connect(port)
        shutil.rmtree(worktree)
        lock.unlink()


def count_words(shift: Shift) -> None:
    with shift.producer.execution("word-count", source="manual") as run:
        _run(run, ["wc", "-w", *_documents(shift)])


# -- a batch of slow runs of one action, which overlap: asyncio --


def reindex(shift: Shift) -> None:
    asyncio.run(_reindex(shift))


async def _reindex(shift: Shift) -> None:
    async def one(seconds: float) -> None:
        async with shift.producer.execution("reindex", source="watcher:documents", execution_type="rules") as run:
            for command in (["sleep", f"{seconds:.2f}"], ["gzip", "-9", "-c", *_documents(shift)]):
                child = await asyncio.create_subprocess_exec(*tethered(command), stdout=subprocess.PIPE)
                packed, _ = await child.communicate()
                _judge(run, f"{len(packed)} bytes".encode(), child.returncode)

    await asyncio.gather(*(one(shift.chance.uniform(0.2, 1.0)) for _ in range(3)))


CRON: tuple[Job, ...] = (back_up, rotate_logs, mirror)
WATCHER: tuple[Job, ...] = (check_documents, notify_in_vain, check_documents, notify)
OPERATOR: tuple[Job, ...] = (deploy_in_vain, count_words, deploy)
BATCH: tuple[Job, ...] = (reindex,)


def _producer_run(shift: Shift, action: str, source: str, command: Sequence[str]) -> None:
    options = ["--url", shift.url, "--namespace", shift.producer.namespace, "--action", action, "--source", source]
    done = subprocess.run(
        tethered([*_PRODUCER_RUN, *options, "--", *command]),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    shift.book.started()
    shift.book.completed(done.returncode == 0)


def _run(run: Execution, command: Sequence[str]) -> None:
    done = subprocess.run(
        tethered(command), check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    _judge(run, done.stdout, done.returncode)


def _documents(shift: Shift) -> list[str]:
    return [str(path) for path in sorted(shift.scratch.documents.iterdir())]


def _judge(run: Execution, output: bytes, status: int | None) -> None:
    run.output = output
    if status:
        run.fail(f"exit status {status}")


@contextmanager
def _port(*, listening: bool) -> Iterator[int]:
    """A port where somebody listens, or nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        if not listening:
            listener.close()
        yield port


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=2).close()
