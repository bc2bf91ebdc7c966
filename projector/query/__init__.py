"""The query library: typed answers from the projection, read and never written."""

from __future__ import annotations

from projector.query.query import Query
from projector.query.results import ActionStats, ScannerStats, Status, Totals

__all__ = ["ActionStats", "Query", "ScannerStats", "Status", "Totals"]
