"""Where an embedded server listens: a port of the loopback interface and a Unix socket, nothing else."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

HOST = "127.0.0.1"

_SOCKET_NAME = "valkey.sock"
_LONGEST_SOCKET = 107 if sys.platform == "linux" else 103
"""Bytes of a path that fit into sun_path with its NUL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A port, and a socket in the data directory, or in /tmp if the data directory's path is too long."""

    port: int
    socket: Path

    @classmethod
    def choose(cls, directory: Path, *, port: int | None = None) -> Address:
        """`port`, else the last run's port if it is free, else any free port, which the directory then keeps."""
        place = directory / _SOCKET_NAME
        if len(os.fsencode(place)) > _LONGEST_SOCKET:
            place = _short_directory() / f"{hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]}.sock"
        return cls(port=port or _kept_port(directory / "port"), socket=place)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{quote(str(self.socket))}"


def _short_directory() -> Path:
    """The user's own directory for sockets, as tmux has it. The server removes its socket, even if we are killed."""
    path = Path(f"/tmp/execution-wal-{os.getuid()}")
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{path}, where the socket is to be, is not a directory of this user alone")
    return path


def _kept_port(memory: Path) -> int:
    try:
        kept = int(memory.read_text())
    except (OSError, ValueError):
        kept = 0
    port = _free(kept) or _free(0)
    if port != kept:
        memory.write_text(f"{port}\n")
    return port


def _free(port: int) -> int:
    """`port` (0: any) if the server can listen on it, else 0."""
    with socket.socket() as probe:
        # The server sets it too: connections of the last run in TIME_WAIT then do not keep it from listening.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return 0
        free: int = probe.getsockname()[1]
        return free
