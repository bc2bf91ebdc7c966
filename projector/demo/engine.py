"""The engine: worker processes that run real commands and tasks, recorded in every way that the producer offers.

`python -m projector.demo.engine <role> <directory> <seconds>` is one worker, which finds the server in WAL_URL.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from producer import Execution, Producer, Receipt
from projector.embedded import tethered

_PRODUCER_RUN = (sys.executable, "-c", "from producer.cli import main; main()", "run")
_STALE_SECONDS = 1.0
_WORDS = ("otter", "river", "holt", "kelp", "whisker", "current", "stone", "willow", "ripple", "shell", "tide")


def lay_out(directory: Path) -> None:
    """Make the workers' directories in `directory`, and the documents that their actions work on."""
    for name in ("archive", "backups", "books", "documents", "drafts", "locks", "logs", "worktrees"):
        (directory / name).mkdir()
    for number in range(24):
        (directory / "documents" / f"{number:02}.txt").write_text(_text(random.randrange(2_000, 20_000)))


class BookedProducer(Producer):
    """A Producer that adds a line to the file `book` once the server has acknowledged an operation."""

    def __init__(self, book: Path) -> None:
        super().__init__()
        self._book = book

    def note(self, kind: str) -> None:
        """Add a line; `kind` is a field of Tally."""
        with self._book.open("a") as book:
            book.write(f"{kind}\n")

    def begin(self, run: Execution) -> Receipt:
        receipt = super().begin(run)
        self.note("started")
        return receipt

    def action_execution_completed(self, action_id: str, success: bool, **options: Any) -> Receipt:
        receipt = super().action_execution_completed(action_id, success, **options)
        self.note("successes" if success else "failures")
        return receipt

    def cleanup_executed(
        self, scanner_id: str, resource_id: str, action: str, success: bool, **options: Any
    ) -> Receipt:
        receipt = super().cleanup_executed(scanner_id, resource_id, action, success, **options)
        self.note("cleanups" if success else "cleanup_failures")
        return receipt


class Worker:
    """What the jobs of one process need. All workers share the `directory`, which `lay_out` has filled."""

    def __init__(self, directory: Path, producer: BookedProducer) -> None:
        self.directory = directory
        self.documents = directory / "documents"
        self.producer = producer

    def fresh(self, directory: str, suffix: str = "") -> Path:
        """A path in `directory` that no other worker uses."""
        return self.directory / directory / f"{os.getpid()}-{random.getrandbits(32):08x}{suffix}"

    def producer_run(self, action: str, source: str, *command: str | Path) -> None:
        """Run `command` under `producer run`, as a crontab does."""
        status, _ = _run(*_PRODUCER_RUN, "--action", action, "--source", source, "--", *command)
        self.producer.note("started")
        self.producer.note("failures" if status else "successes")

    def run(self, execution: Execution, *command: str | Path) -> None:
        """Run `command` and tell `execution` its output and its failure."""
        status, execution.output = _run(*command)
        if status:
            execution.fail(f"exit status {status}")


# -- actions --


def back_up(worker: Worker) -> None:
    archive = worker.fresh("backups", ".tar.gz")
    worker.producer_run("nightly-backup", "cron:nightly", "tar", "-czf", archive, "-C", worker.documents, ".")


def rotate_logs(worker: Worker) -> None:
    log = worker.fresh("logs", ".log")
    log.write_text(_text(40_000))
    worker.producer_run("rotate-logs", "cron:hourly", "gzip", "-9", log)


def mirror(worker: Worker) -> None:
    """Fails, because the volume is not mounted."""
    volume = worker.directory / "volume"
    worker.producer_run("mirror-volume", "cron:nightly", "tar", "-cf", "/dev/null", "-C", volume, ".")


def check_documents(worker: Worker) -> None:
    """Leaves a draft behind for a scanner."""

    @worker.producer.tracked("verify-checksums", source="watcher:inbox")
    def verify() -> str:
        sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in worker.documents.iterdir()]
        worker.fresh("drafts", ".sha256").write_text("\n".join(sums))
        return f"{len(sums)} documents"

    verify()


def notify(worker: Worker, *, is_heard: bool) -> None:
    worker.producer.tracked("notify", source="watcher:idle-check")(_connect)(is_heard)


def deploy(worker: Worker, *, is_heard: bool) -> None:
    """A deployment that nobody hears of leaves its lock and its worktree behind for a scanner."""
    lock, worktree = worker.fresh("locks"), worker.fresh("worktrees")
    with worker.producer.execution("deploy", source="manual") as execution:
        lock.touch()
        worker.run(execution, "cp", "-R", worker.documents, worktree)
        _connect(is_heard)
        shutil.rmtree(worktree)
        lock.unlink()


def reindex(worker: Worker) -> None:
    """Three slow runs of one action, which overlap."""

    async def one() -> None:
        async with worker.producer.execution("reindex", source="watcher:documents", execution_type="rules") as run:
            await asyncio.sleep(random.uniform(0.2, 1.0))
            await asyncio.to_thread(worker.run, run, "sha512sum", *sorted(worker.documents.iterdir()))

    async def all_three() -> None:
        await asyncio.gather(one(), one(), one())

    asyncio.run(all_three())


# -- scanners --


def scan(worker: Worker) -> None:
    """One turn of all scanners: they really remove what the actions left alone for a second."""
    for scanner, resource, pattern, action, remove in _SCANNERS:
        for path in sorted(worker.directory.glob(pattern)):
            if path.exists() and path.lstat().st_mtime < time.time() - _STALE_SECONDS:
                error = None
                try:
                    remove(path)
                except OSError as trouble:
                    error = f"{type(trouble).__name__}: {trouble.strerror}"
                worker.producer.cleanup_executed(
                    scanner, f"{resource}:{path.name}", action, error is None, error=error
                )


def _archive(path: Path) -> None:
    path.rename(path.parents[1] / "archive" / path.name)


_SCANNERS = (
    ("stale-locks", "lock", "locks/*", "release", Path.unlink),
    ("old-drafts", "draft", "drafts/*", "delete", Path.unlink),
    ("rotated-logs", "log", "logs/*.gz", "archive", _archive),
    ("stale-worktrees", "worktree", "worktrees/*", "delete", Path.rmdir),  # fails, because there are files in it
    ("stale-worktrees", "worktree", "worktrees/*", "archive", _archive),
)
ROLES: dict[str, tuple[Callable[[Worker], None], ...]] = {
    "cron": (back_up, rotate_logs, mirror),
    "watcher": (check_documents, partial(notify, is_heard=False), check_documents, partial(notify, is_heard=True)),
    "operator": (partial(deploy, is_heard=False), partial(deploy, is_heard=True)),
    "batch": (reindex,),
    "scanner": (scan,),
}


def main() -> None:
    role, directory, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    deadline = time.monotonic() + seconds
    with closing(BookedProducer(directory / "books" / role)) as producer:
        worker = Worker(directory, producer)
        for job in cycle(ROLES[role]):
            with suppress(OSError):  # the producer has recorded the failure; the engine goes on
                job(worker)
            time.sleep(random.uniform(0.05, 0.3))
            if time.monotonic() > deadline:
                break


def _run(*command: str | Path) -> tuple[int, bytes]:
    done = subprocess.run(
        tethered(command), check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout


def _connect(is_heard: bool) -> None:
    """Connect to a port where somebody listens, or nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        if not is_heard:
            listener.close()
        socket.create_connection(address, timeout=2).close()


def _text(words: int) -> str:
    """A text that compresses about as well as a language does."""
    return " ".join(random.choices(_WORDS, k=words)) + "\n"


if __name__ == "__main__":
    main()
