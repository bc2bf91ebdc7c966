"""The engine: worker processes that run real commands and tasks, recorded in every way that the producer offers.

`python -m projector.demo.engine <role> <directory> <seconds>` is one worker, which finds the server in WAL_URL.
"""

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
from contextlib import suppress
from functools import partial
from itertools import cycle
from pathlib import Path

from producer import Producer
from projector.embedded import tethered

_STALE_SECONDS = 1.0


def lay_out(directory: Path) -> None:
    """Make the workers' directories in `directory`, and the documents that their actions work on."""
    for name in ("archive", "backups", "documents", "drafts", "locks", "worktrees"):
        (directory / name).mkdir()
    for number in range(24):
        (directory / "documents" / f"{number:02}").write_bytes(random.randbytes(random.randrange(10_000, 100_000)))


class Worker:
    """What the jobs of one process need. All workers share the `directory`, which `lay_out` has filled."""

    def __init__(self, directory: Path, producer: Producer) -> None:
        self.directory = directory
        self.documents = directory / "documents"
        self.producer = producer

    def fresh(self, directory: str) -> Path:
        """A path in `directory` that no other worker uses."""
        return self.directory / directory / f"{os.getpid()}-{random.getrandbits(32):08x}"

    def producer_run(self, action: str, *command: str | Path) -> None:
        """Run `command` under `producer run`, as a crontab does."""
        options = ("--action", action, "--source", "cron:nightly")
        subprocess.run(tethered([sys.executable, "-m", "producer", "run", *options, "--", *command]), check=False)


# -- actions --


def back_up(worker: Worker) -> None:
    worker.producer_run("nightly-backup", "tar", "-czf", worker.fresh("backups"), "-C", worker.documents, ".")


def mirror(worker: Worker) -> None:
    """Fails, because the volume is not mounted."""
    worker.producer_run("mirror-volume", "tar", "-cf", "/dev/null", "-C", worker.directory / "volume", ".")


def check_documents(worker: Worker) -> None:
    """Leaves a draft behind for a scanner."""

    @worker.producer.tracked("verify-checksums", source="watcher:inbox")
    def verify() -> str:
        sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in worker.documents.iterdir()]
        worker.fresh("drafts").write_text("\n".join(sums))
        return f"{len(sums)} documents"

    verify()


def deploy(worker: Worker, *, is_heard: bool) -> None:
    """A deployment that nobody hears of leaves its lock and its worktree behind for a scanner."""
    lock, worktree = worker.fresh("locks"), worker.fresh("worktrees")
    with worker.producer.execution("deploy", source="manual") as execution:
        lock.touch()
        execution.output = _output_of("cp", "-R", worker.documents, worktree)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = listener.getsockname()
            if not is_heard:
                listener.close()
            socket.create_connection(address, timeout=2).close()
        shutil.rmtree(worktree)
        lock.unlink()


def reindex(worker: Worker) -> None:
    """Three slow runs of one action, which overlap."""

    async def one() -> None:
        execution = worker.producer.execution("reindex", source="watcher:documents", execution_type="rules")
        async with execution:
            await asyncio.sleep(random.uniform(0.2, 1.0))
            documents = sorted(worker.documents.iterdir())
            execution.output = await asyncio.to_thread(_output_of, "sha512sum", *documents)

    async def all_three() -> None:
        await asyncio.gather(one(), one(), one())

    asyncio.run(all_three())


def _output_of(*command: str | Path) -> bytes:
    return subprocess.check_output(tethered(command), stderr=subprocess.STDOUT)


# -- scanners --


def scan(worker: Worker) -> None:
    """One turn of all scanners: they really remove what the actions left alone for a second."""
    for scanner, pattern, action, remove in _SCANNERS:
        for path in sorted(worker.directory.glob(pattern)):
            if path.exists() and path.lstat().st_mtime < time.time() - _STALE_SECONDS:
                error = None
                try:
                    remove(path)
                except OSError as trouble:
                    error = f"{type(trouble).__name__}: {trouble.strerror}"
                resource = f"{path.parent.name}/{path.name}"
                worker.producer.cleanup_executed(scanner, resource, action, error is None, error=error)


def _archive(path: Path) -> None:
    path.rename(path.parents[1] / "archive" / path.name)


_SCANNERS = (
    ("stale-locks", "locks/*", "release", Path.unlink),
    ("old-drafts", "drafts/*", "delete", Path.unlink),
    ("stale-worktrees", "worktrees/*", "delete", Path.rmdir),  # fails, because there are files in it
    ("stale-worktrees", "worktrees/*", "archive", _archive),
)
ROLES: dict[str, tuple[Callable[[Worker], None], ...]] = {
    "cron": (back_up, mirror),
    "watcher": (check_documents,),
    "operator": (partial(deploy, is_heard=False), partial(deploy, is_heard=True)),
    "batch": (reindex,),
    "scanner": (scan,),
}


def main() -> None:
    role, directory, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    deadline = time.monotonic() + seconds
    jobs = cycle(ROLES[role])
    with Producer() as producer:
        worker = Worker(directory, producer)
        while time.monotonic() < deadline:
            with suppress(OSError):  # the producer has recorded the failure; the engine goes on
                next(jobs)(worker)
            time.sleep(random.uniform(0.05, 0.3))


if __name__ == "__main__":
    main()
