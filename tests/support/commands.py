"""The two commands as processes: the words that start them, and their environment."""

from __future__ import annotations

import os
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


def projector(*arguments: str, stdout: int | IO[str] = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """The projector's command to its end, which is never a traceback."""
    ended = subprocess.run(
        [*PROJECTOR, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment(), timeout=60
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended
