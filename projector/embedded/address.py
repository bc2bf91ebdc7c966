"""Where an embedded server listens: a port of the loopback interface and a Unix socket, nothing else."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

__all__ = ["HOST", "Address"]

HOST = "127.0.0.1"

_SOCKET_NAME = "valkey.sock"
_LONGEST_SOCKET = 103
"""sun_path holds 107 bytes and a NUL on Linux, 103 on macOS and the BSDs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A port and a socket; the socket lies in a temporary directory where the data directory's path is too long."""

    port: int
    socket: Path
    temporary: Path | None = None

    @classmethod
    def choose(cls, directory: Path, *, port: int | None = None) -> Address:
        """The given port, else that of the last run if it is still free, else any free one, which is kept."""
        temporary = None
        place = directory / _SOCKET_NAME
        if len(os.fsencode(place)) > _LONGEST_SOCKET:
            temporary = Path(tempfile.mkdtemp(prefix="execution-wal-", dir="/tmp"))
            place = temporary / _SOCKET_NAME
        return cls(port=port or _kept_port(directory / "port"), socket=place, temporary=temporary)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{quote(str(self.socket))}"

    def forget(self) -> None:
        """Remove the temporary directory, if there is one."""
        if self.temporary is not None:
            shutil.rmtree(self.temporary, ignore_errors=True)


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
    """`port` if it can be listened on (0: any), else 0."""
    with socket.socket() as probe:
        # As the server does: connections of the last run that are still in TIME_WAIT do not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return 0
        free: int = probe.getsockname()[1]
        return free
