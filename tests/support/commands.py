"""The two commands as processes: the words that start them, and their environment."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import IO

PRODUCER = str(Path(sys.executable).with_name("producer"))
"""The installed script."""
PROJECTOR = [sys.executable, "-c", "from projector.cli import main; main()"]


def environment_of(url: str, namespace: str, **more: str) -> dict[str, str]:
    """The test run's own environment, which names a server and a namespace."""
    return {**os.environ, "WAL_URL": url, "WAL_NAMESPACE": namespace, **more}


def environment(**more: str) -> dict[str, str]:
    """The test run's own environment, which names no server and no terminal, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WAL_", "COLUMNS", "FORCE"))}
    return kept | more


def projector(
    *arguments: str, stdout: int | IO[str] = subprocess.PIPE, **more: str
) -> subprocess.CompletedProcess[str]:
    """The projector's command to its end, which is never a traceback; `more` adds to its environment."""
    env = environment(**more)
    ended = subprocess.run(
        [*PROJECTOR, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, env=env, timeout=60
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended


def projector_asks(answer: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The projector's command to its end, at a terminal on which `answer` was typed."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        return subprocess.run(
            [*PROJECTOR, *arguments], stdin=theirs, capture_output=True, text=True, env=environment(), timeout=60
        )
    finally:
        os.close(ours)
        os.close(theirs)
