"""The read side of execution-wal: the log folded exactly once into a projection, and the library that reads it.

    from projector import Query

    with Query("redis://localhost:6379/0") as query:
        print(query.action_stats("backup").failures)

A reader loads neither the worker nor the fold: names are imported when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from projector.bounds import Bounds
    from projector.errors import (
        ConfigMismatch,
        Damaged,
        InvalidQuery,
        ProjectorError,
        ServerRefused,
        ServerUnavailable,
    )
    from projector.query import ActionStats, Query, ScannerStats, Status, Totals
    from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
    from projector.worker.projector import Projector

__all__ = [
    "ActionExecutionRecord",
    "ActionStats",
    "Bounds",
    "CleanupRecord",
    "ConfigMismatch",
    "Damaged",
    "InFlightRecord",
    "InvalidQuery",
    "Projector",
    "ProjectorError",
    "Query",
    "ScannerStats",
    "ServerRefused",
    "ServerUnavailable",
    "Status",
    "Totals",
]

_HOMES = {
    "ActionExecutionRecord": "projector.records",
    "ActionStats": "projector.query",
    "Bounds": "projector.bounds",
    "CleanupRecord": "projector.records",
    "ConfigMismatch": "projector.errors",
    "Damaged": "projector.errors",
    "InFlightRecord": "projector.records",
    "InvalidQuery": "projector.errors",
    "Projector": "projector.worker.projector",
    "ProjectorError": "projector.errors",
    "Query": "projector.query",
    "ScannerStats": "projector.query",
    "ServerRefused": "projector.errors",
    "ServerUnavailable": "projector.errors",
    "Status": "projector.query",
    "Totals": "projector.query",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
