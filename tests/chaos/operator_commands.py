"""What an operator does afterwards: `projector verify` and `projector rebuild`, as processes."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

__all__ = ["Answer", "rebuild", "verify"]


class Answer(NamedTuple):
    """How a command ended, and what it printed on both streams."""

    status: int
    text: str


def verify(url: str, namespace: str) -> Answer:
    """Status 0: the projection is identical to the fold of its log."""
    return _run("verify", url, namespace)


def rebuild(url: str, namespace: str) -> Answer:
    return _run("rebuild", url, namespace)


def _run(command: str, url: str, namespace: str) -> Answer:
    arguments = [sys.executable, "-m", "projector.cli", command, "--url", url, "--namespace", namespace]
    ended = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=110, check=False)
    return Answer(ended.returncode, ended.stdout.decode(errors="replace"))
