"""What an operator does afterwards: `projector verify`, `projector rebuild` and `producer flush`, as processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.support.servers import die_with_parent

__all__ = ["Answer", "begin_rebuild", "flush", "rebuild", "verify"]


class Answer(NamedTuple):
    """How a command ended, and what it printed on both streams."""

    status: int
    text: str


def verify(url: str, namespace: str) -> Answer:
    """Status 0: the projection is identical to the fold of its log."""
    return _run(_arguments("verify", url, namespace))


def rebuild(url: str, namespace: str) -> Answer:
    return _run(_arguments("rebuild", url, namespace))


def flush(url: str, spool: Path) -> Answer:
    """Status 0: nothing is left in the directory `spool` but what running producers hold."""
    program = "from producer.cli import main; main()"
    return _run([sys.executable, "-c", program, "flush", "--spool", str(spool), "--url", url, "--timeout", "60"])


def begin_rebuild(url: str, namespace: str) -> subprocess.Popen[bytes]:
    """A rebuild under way; the caller's to end."""
    return subprocess.Popen(
        _arguments("rebuild", url, namespace),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )


def _run(arguments: list[str]) -> Answer:
    ended = subprocess.run(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=110,
        check=False,
        preexec_fn=die_with_parent,
    )
    return Answer(ended.returncode, ended.stdout.decode(errors="replace"))


def _arguments(command: str, url: str, namespace: str) -> list[str]:
    return [sys.executable, "-m", "projector.cli", command, "--url", url, "--namespace", namespace]
