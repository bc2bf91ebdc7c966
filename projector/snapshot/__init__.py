"""Snapshots: the history after a segment of the archive, as a file beside the segments.

A snapshot saves the fold of what was archived before. It is never the truth: a bad one is reported and passed over.
"""

from projector.snapshot.snapshots import Snapshots

__all__ = ["Snapshots"]
