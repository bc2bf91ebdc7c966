"""The actions of the demonstration: real commands and tasks, recorded in every way that the producer offers."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import socket

from projector.demo.shift import Job, Shift, words


def back_up(shift: Shift) -> None:
    archive, documents = shift.fresh("backups", ".tar.gz"), shift.directory / "documents"
    shift.producer_run("nightly-backup", "cron:nightly", "tar", "-czf", archive, "-C", documents, ".")


def rotate_logs(shift: Shift) -> None:
    log = shift.fresh("logs", ".log")
    log.write_text(words(40_000))
    shift.producer_run("rotate-logs", "cron:hourly", "gzip", "-9", log)


def mirror(shift: Shift) -> None:
    """Fails, because the volume is not mounted."""
    volume = shift.directory / "volume"
    shift.producer_run("mirror-volume", "cron:nightly", "tar", "-cf", "/dev/null", "-C", volume, ".")


def check_documents(shift: Shift) -> None:
    """Leaves a draft behind for a scanner."""

    @shift.producer.tracked("verify-checksums", source="watcher:inbox")
    def verify() -> str:
        documents = (shift.directory / "documents").iterdir()
        sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in documents]
        shift.fresh("drafts", ".sha256").write_text("\n".join(sums))
        return f"{len(sums)} documents"

    verify()


def notify(shift: Shift, *, is_heard: bool = True) -> None:
    @shift.producer.tracked("notify", source="watcher:idle-check")
    def tell() -> None:
        _connect(is_heard)

    tell()


def notify_in_vain(shift: Shift) -> None:
    notify(shift, is_heard=False)


def deploy(shift: Shift, *, is_heard: bool = True) -> None:
    lock, worktree = shift.fresh("locks"), shift.fresh("worktrees")
    with shift.producer.execution("deploy", source="manual") as run:
        lock.touch()
        shift.run(run, "cp", "-R", shift.directory / "documents", worktree)
        _connect(is_heard)
        shutil.rmtree(worktree)
        lock.unlink()


def deploy_in_vain(shift: Shift) -> None:
    """Leaves the lock and the worktree behind for a scanner."""
    deploy(shift, is_heard=False)


def count_words(shift: Shift) -> None:
    with shift.producer.execution("word-count", source="manual") as run:
        shift.run(run, "wc", "-w", *sorted((shift.directory / "documents").iterdir()))


def reindex(shift: Shift) -> None:
    """Three slow runs of one action, which overlap."""

    async def one() -> None:
        async with shift.producer.execution("reindex", source="watcher:documents", execution_type="rules") as run:
            await asyncio.sleep(random.uniform(0.2, 1.0))
            documents = sorted((shift.directory / "documents").iterdir())
            await asyncio.to_thread(shift.run, run, "sha512sum", *documents)

    async def all_three() -> None:
        await asyncio.gather(one(), one(), one())

    asyncio.run(all_three())


CRON: tuple[Job, ...] = (back_up, rotate_logs, mirror)
WATCHER: tuple[Job, ...] = (check_documents, notify_in_vain, check_documents, notify)
OPERATOR: tuple[Job, ...] = (deploy_in_vain, count_words, deploy)
BATCH: tuple[Job, ...] = (reindex,)


def _connect(is_heard: bool) -> None:
    """Connect to a port where somebody listens, or nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        if not is_heard:
            listener.close()
        socket.create_connection(address, timeout=2).close()
