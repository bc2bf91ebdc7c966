"""The read side of execution-wal: the log folded exactly once into a projection, and the library that reads it.

    from projector import Query

    with Query("redis://localhost:6379/0") as query:
        print(query.action_stats("backup").failures)

`Query` answers with `Records` (of `ActionExecutionRecord`, `CleanupRecord`, `ActionFailureKind`, `ProducerStanding`),
`InFlightRecord`, `History` (of `Point`), `Histogram`, `ActionStats`, `ScannerStats`, `Totals`, `Status` and
`LastVerified`, `Query.log` with each `LogEntry`; a `Filter` asks for some of them. `AsyncQuery` is the same for
asyncio. A `Projector` makes the projection within its `Bounds`. `verify`, `rebuild` and `examine` take the same URL
or client, and return a `Verification` with each `Difference`, a `Rebuilt`, and for each check a `Finding` of some
`Severity`. All errors are kinds of `WalError`; `projector.errors` has the tree.

A reader loads neither the worker nor the fold, because every name but the errors is imported when first asked for.
"""

from typing import TYPE_CHECKING

from producer.errors import UnusableServer as UnusableServer
from producer.errors import WalError as WalError
from projector import errors
from projector.errors import *  # noqa: F403

if TYPE_CHECKING:
    from projector.bounds import Bounds as Bounds
    from projector.doctor import Finding as Finding
    from projector.doctor import Severity as Severity
    from projector.doctor import examine as examine
    from projector.query import ActionFailureKind as ActionFailureKind
    from projector.query import ActionStats as ActionStats
    from projector.query import AsyncQuery as AsyncQuery
    from projector.query import Histogram as Histogram
    from projector.query import History as History
    from projector.query import LastVerified as LastVerified
    from projector.query import Point as Point
    from projector.query import ProducerStanding as ProducerStanding
    from projector.query import Query as Query
    from projector.query import Records as Records
    from projector.query import ScannerStats as ScannerStats
    from projector.query import Status as Status
    from projector.query import Totals as Totals
    from projector.records import ActionExecutionRecord as ActionExecutionRecord
    from projector.records import CleanupRecord as CleanupRecord
    from projector.records import InFlightRecord as InFlightRecord
    from projector.search.entry import LogEntry as LogEntry
    from projector.search.filter import Filter as Filter
    from projector.shadow.rebuild import Rebuilt as Rebuilt
    from projector.shadow.rebuild import rebuild as rebuild
    from projector.verification import Difference as Difference
    from projector.verification import Verification as Verification
    from projector.verification import verify as verify
    from projector.worker.projector import Projector as Projector

_HOMES = {
    name: f"projector.{module}"
    for module, names in {
        "bounds": "Bounds",
        "doctor": "Finding Severity examine",
        "query": "ActionFailureKind ActionStats AsyncQuery Histogram History LastVerified Point ProducerStanding"
        " Query Records ScannerStats Status Totals",
        "records": "ActionExecutionRecord CleanupRecord InFlightRecord",
        "search.entry": "LogEntry",
        "search.filter": "Filter",
        "shadow": "Rebuilt rebuild",
        "verification": "Difference Verification verify",
        "worker.projector": "Projector",
    }.items()
    for name in names.split()
}

__all__ = [*errors.__all__, "UnusableServer", "WalError", *_HOMES]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
