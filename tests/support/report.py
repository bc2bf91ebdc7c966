"""A terminal's report of one status at one moment."""

from __future__ import annotations

from collections.abc import Sequence

from projector.cli.display.report import Report
from projector.cli.options import View
from projector.query import Status
from projector.records import InFlightRecord

NOW = 1_790_000_000_000
STATUS = Status(
    namespace="otters",
    checkpoint="1789999990000-0",
    entries=1234,
    wal_length=1000,
    lag=0,
    lease_holder="host:17:abcdef",
    lease_ttl_ms=4200,
    in_flight=0,
    orphans=0,
    quarantined=0,
    duplicates=0,
    missing=0,
    trimmed=234,
    lost=0,
    in_flight_replaced=0,
    in_flight_evicted=0,
    actions_evicted=0,
    schema="1",
    config={"max_entries": 1000},
    torn=False,
    archive_head=None,
    archive_last_id=None,
    room_seconds=None,
)
RUNNING = InFlightRecord("backup", "manual", "command", NOW - 123_000, "r2", "host:1:x", False, "9-3")


def report(
    status: Status = STATUS,
    *,
    width: int = 80,
    wide: bool = False,
    no_trunc: bool = False,
    utc: bool = False,
    namespaces: Sequence[str] = (),
) -> Report:
    view = View(now=NOW, width=width, wide=wide, no_trunc=no_trunc, utc=utc)
    return Report(status, view, lambda: namespaces)
