"""The read side of execution-wal: the log folded exactly once into a projection, and the library that reads it.

    from projector import Query

    with Query("redis://localhost:6379/0") as query:
        print(query.action_stats("backup").failures)

`verify`, `rebuild` and `examine` take the same URL or client. A reader loads neither the worker nor the fold, because
every name but the errors is imported when a program first asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from producer.errors import UnusableServer, WalError
from projector.errors import (
    ConfigMismatch,
    Damaged,
    InvalidQuery,
    ProjectorError,
    ServerRefused,
    ServerUnavailable,
    Superseded,
)

if TYPE_CHECKING:
    from projector.bounds import Bounds
    from projector.doctor import Finding, Severity, examine
    from projector.query import ActionStats, Query, ScannerStats, Status, Totals
    from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
    from projector.shadow.rebuild import Rebuilt, rebuild
    from projector.verification import Difference, Verification, verify
    from projector.worker.projector import Projector

__all__ = [
    "ActionExecutionRecord",
    "ActionStats",
    "Bounds",
    "CleanupRecord",
    "ConfigMismatch",
    "Damaged",
    "Difference",
    "Finding",
    "InFlightRecord",
    "InvalidQuery",
    "Projector",
    "ProjectorError",
    "Query",
    "Rebuilt",
    "ScannerStats",
    "ServerRefused",
    "ServerUnavailable",
    "Severity",
    "Status",
    "Superseded",
    "Totals",
    "UnusableServer",
    "Verification",
    "WalError",
    "examine",
    "rebuild",
    "verify",
]

_HOMES = {
    name: f"projector.{module}"
    for module, names in {
        "bounds": "Bounds",
        "doctor": "Finding Severity examine",
        "query": "ActionStats Query ScannerStats Status Totals",
        "records": "ActionExecutionRecord CleanupRecord InFlightRecord",
        "shadow": "Rebuilt rebuild",
        "verification": "Difference Verification verify",
        "worker.projector": "Projector",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
