"""Where an embedded server listens: a port of the loopback interface and a Unix socket, nothing else."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from producer.connection.location import private_directory

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
    def choose(cls, directory: Path, *, port: int | None = None, usual_port: int = 0) -> Address:
        """`port`; else the first that is free of the last run's port, `usual_port` (0: none) and any other."""
        place = directory / _SOCKET_NAME
        if len(os.fsencode(place)) > _LONGEST_SOCKET:
            place = private_directory() / f"{hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]}.sock"
        return cls(port=_kept_port(directory / "port", port, usual_port), socket=place)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{quote(str(self.socket))}"


def _kept_port(memory: Path, wanted: int | None, usual: int) -> int:
    kept = 0
    with suppress(OSError, ValueError):
        kept = int(memory.read_text())
    port = wanted or (kept and _free(kept)) or (usual and _free(usual)) or _free(0)
    if port != kept:
        memory.write_text(f"{port}\n")
    return port


def _free(port: int) -> int:
    """`port` (0: any) if the server can listen on it, else 0."""
    try:
        # It sets SO_REUSEADDR, as the server does: connections of the last run in TIME_WAIT are then no hindrance.
        with socket.create_server((HOST, port)) as probe:
            free: int = probe.getsockname()[1]
            return free
    except (OSError, OverflowError):
        return 0
