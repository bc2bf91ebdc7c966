"""The query library: typed answers from the projection, read and never written."""

from __future__ import annotations

from projector.query.arguments import InvalidQuery
from projector.query.query import Query
from projector.query.results import ActionStats, ScannerStats, Status, Totals

__all__ = ["ActionStats", "InvalidQuery", "Query", "ScannerStats", "Status", "Totals"]
