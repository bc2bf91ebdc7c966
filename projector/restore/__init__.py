"""The restore of log and projection to a new server, from the archive alone."""

from projector.restore.restore import Restored, restore

__all__ = ["Restored", "restore"]
