"""The embedded server: a real Valkey server on a directory, which lives as long as this process."""

from projector.embedded.server import EmbeddedServer
from projector.embedded.tether import tethered

__all__ = ["EmbeddedServer", "tethered"]
