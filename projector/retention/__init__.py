"""How long entries stay in the log, and how long the server's memory lasts."""

from projector.retention.retention import Retention

__all__ = ["Retention"]
