"""What processes that were killed, or found the disk full, left beside no spool."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from producer.spool import file
from producer.spool.fork import held_off
from producer.spool.lock import LOCK, SPOOL, SpoolLock
from producer.spool.rescue import SCRATCH

__all__ = ["sweep"]

_NAMED = re.compile(r"[0-9a-f]{16}")
"""Only what bears a name of ours: the directory may hold other things, too."""


def sweep(directory: Path) -> None:
    """Remove locks, SQLite's logs and a rescue's drafts that belong to no spool. What cannot be removed stays.

    None of them holds an operation that waits: a spool goes first, when it is empty, and a rescue's draft becomes one
    before the damaged one goes.
    """
    with suppress(OSError):
        names = os.listdir(directory)
        spools = {name.removesuffix(SPOOL) for name in names if name.endswith(SPOOL)}
        for stem in sorted({_stem(name) for name in names} - spools):
            if _NAMED.fullmatch(stem):
                with suppress(OSError):
                    _remove(directory / f"{stem}{SPOOL}")


def _stem(name: str) -> str:
    for suffix in (LOCK, *(SPOOL + side for side in file.SIDES)):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name.removeprefix(SCRATCH) if name.startswith(SCRATCH) else ""


def _remove(path: Path) -> None:
    with held_off():
        lock = SpoolLock.take(path.with_suffix(LOCK))
        if lock is None:
            return  # its spool is just being made
        if path.exists():
            lock.release()
            return
        try:
            file.remove(path)
            shutil.rmtree(path.with_name(f"{SCRATCH}{path.stem}"), ignore_errors=True)
        finally:
            lock.remove()
