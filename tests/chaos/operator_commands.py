"""What an operator does afterwards: `projector verify` and `projector rebuild`, as processes."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

from tests.servers import die_with_parent

__all__ = ["Answer", "begin_rebuild", "rebuild", "verify"]


class Answer(NamedTuple):
    """How a command ended, and what it printed on both streams."""

    status: int
    text: str


def verify(url: str, namespace: str) -> Answer:
    """Status 0: the projection is identical to the fold of its log."""
    return _run("verify", url, namespace)


def rebuild(url: str, namespace: str) -> Answer:
    return _run("rebuild", url, namespace)


def begin_rebuild(url: str, namespace: str) -> subprocess.Popen[bytes]:
    """A rebuild under way; the caller's to end."""
    return subprocess.Popen(
        _arguments("rebuild", url, namespace),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )


def _run(command: str, url: str, namespace: str) -> Answer:
    ended = subprocess.run(
        _arguments(command, url, namespace),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=110,
        check=False,
        preexec_fn=die_with_parent,
    )
    return Answer(ended.returncode, ended.stdout.decode(errors="replace"))


def _arguments(command: str, url: str, namespace: str) -> list[str]:
    return [sys.executable, "-m", "projector.cli", command, "--url", url, "--namespace", namespace]
