"""The embedded server: a real Valkey server on a directory, which lives as long as this process."""

from __future__ import annotations

from projector.embedded.errors import DirectoryInUse, EmbeddedError, ServerFailed, ServerNotInstalled
from projector.embedded.server import EmbeddedServer
from projector.embedded.tether import tethered

__all__ = [
    "DirectoryInUse",
    "EmbeddedError",
    "EmbeddedServer",
    "ServerFailed",
    "ServerNotInstalled",
    "tethered",
]
