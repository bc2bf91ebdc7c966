"""What an operator does afterwards, as processes: `projector verify` and `rebuild`, `producer flush`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import gettempdir
from typing import NamedTuple

from tests.support.commands import PRODUCER, PROJECTOR, run_command
from tests.support.servers import die_with_parent

__all__ = ["Answer", "begin_rebuild", "examine", "flush", "rebuild", "verify"]


class Answer(NamedTuple):
    """How a command ended, and what it printed on both streams."""

    status: int
    text: str


def verify(url: str, namespace: str, archive: Path | None = None) -> Answer:
    """Status 0: the projection is identical to the fold of its log."""
    return _run(_arguments("verify", url, namespace, archive=archive))


def rebuild(url: str, namespace: str, *options: str, archive: Path | None = None) -> Answer:
    return _run([*_arguments("rebuild", url, namespace, archive=archive), *options])


def examine(url: str, namespace: str, archive: Path) -> Answer:
    """Status 0: the archive is whole, and its log's."""
    return _run(_arguments("archive", "verify", url, namespace, archive=archive))


def flush(url: str, spool: Path) -> Answer:
    """Status 0: nothing is left in the directory `spool` but what running producers hold."""
    return _run([PRODUCER, "flush", "--spool", str(spool), "--url", url, "--timeout", "60"])


def begin_rebuild(url: str, namespace: str, archive: Path | None = None) -> subprocess.Popen[bytes]:
    """A rebuild under way; the caller's to end."""
    return subprocess.Popen(
        _arguments("rebuild", url, namespace, archive=archive),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )


def _run(command: list[str]) -> Answer:
    ended = run_command(command, env=os.environ, cwd=gettempdir(), timeout=110)  # where a rebuild keeps what it drops
    return Answer(ended.returncode, (ended.stdout + ended.stderr).decode(errors="replace"))


def _arguments(*words: str, archive: Path | None = None) -> list[str]:
    """Of the command `words`, of which the last two are URL and namespace."""
    *command, url, namespace = words
    where = ["--archive", str(archive)] if archive else []
    return [*PROJECTOR, *command, "--url", url, "--namespace", namespace, *where]
