"""Entries of the log for other programs: JSON Lines, CSV, Parquet."""

from projector.export.export import Exported, export
from projector.export.formats import FORMATS

__all__ = ["FORMATS", "Exported", "export"]
