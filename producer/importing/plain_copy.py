"""What is no plain file, made into one: an import reads a log twice."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import stat
import sys
import tempfile
import zlib
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

STDIN = Path("-")


def plain_copy(path: Path) -> BinaryIO | None:
    """The content of an archive (`.gz`, `.zst`), a pipe or stdin in a nameless temporary file; None for a plain file.

    Raises OSError, also for a damaged archive: nothing of it is imported.
    """
    is_archive = path.suffix in (".gz", ".zst")
    if path != STDIN and not is_archive and stat.S_ISREG(path.stat().st_mode):
        return None
    damages: tuple[type[Exception], ...] = (EOFError, zlib.error, gzip.BadGzipFile)
    opener: Any = gzip.open if path.suffix == ".gz" else open
    if path.suffix == ".zst":
        zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
        damages, opener = (*damages, zstd.ZstdError), zstd.open
    with ExitStack() as unless_used:
        copy = unless_used.enter_context(tempfile.TemporaryFile())
        try:
            if is_archive and not os.path.getsize(path):
                raise EOFError("it is empty")
            with open(0, "rb", closefd=False) if path == STDIN else opener(path, "rb") as source:
                shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
        except damages as error:
            raise OSError(errno.EBADMSG, f"the archive is damaged: {error}", str(path)) from error
        except OSError as error:
            where = error.filename or f"a copy in {tempfile.gettempdir()}"
            raise OSError(error.errno, error.strerror, where) from error
        unless_used.pop_all()
    return copy
