"""A disk that is full, for one server: its log may grow no further, until that is lifted.

A limit on the size of a process's files does what a full disk does (a write is cut short, and the next one fails) and
needs no right to mount anything. SIGXFSZ, which would end the server instead, is ignored from its start.
"""

from __future__ import annotations

import resource
from pathlib import Path

from tests.support.servers import Server, server_program

__all__ = ["fill", "lift", "limitable_program"]


def limitable_program(directory: Path) -> str:
    """The server's program, for a server whose disk will be full."""
    directory.mkdir(parents=True, exist_ok=True)
    script = directory / "server"
    script.write_text(f'#!/bin/sh\ntrap "" XFSZ\nexec "{server_program()}" "$@"\n')
    script.chmod(0o755)
    return str(script)


def fill(server: Server, *, spare: int) -> None:
    """Let no file of the server grow beyond the largest one's size now and `spare` bytes more."""
    largest = max(path.stat().st_size for path in server.directory.rglob("*.aof"))
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (largest + spare, resource.RLIM_INFINITY))


def lift(server: Server) -> None:
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
