"""The trail: the log with the entries that are no longer in it, read across the boundary in both directions."""

from projector.trail.trail import Trail

__all__ = ["Trail"]
