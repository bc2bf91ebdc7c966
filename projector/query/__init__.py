"""The query library: typed answers from the projection, read and never written."""

from projector.query.async_query import AsyncQuery
from projector.query.histogram import Histogram
from projector.query.overview import Running
from projector.query.query import Query
from projector.query.questions.history import History, Point
from projector.query.questions.kinds import ActionFailureKind
from projector.query.results import ActionStats, LastVerified, ProducerStanding, Records, ScannerStats, Status, Totals

__all__ = [
    "ActionFailureKind",
    "ActionStats",
    "AsyncQuery",
    "Histogram",
    "History",
    "LastVerified",
    "Point",
    "ProducerStanding",
    "Query",
    "Records",
    "Running",
    "ScannerStats",
    "Status",
    "Totals",
]
