"""Entries of the log for other programs: JSON Lines, CSV, Parquet."""

from projector.export.export import export
from projector.export.formats import FORMATS

__all__ = ["FORMATS", "export"]
