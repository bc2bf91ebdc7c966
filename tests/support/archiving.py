"""A log that is archived and trimmed in a test, as an archiver and a projector do it."""

from __future__ import annotations

from pathlib import Path

from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.bounds import Bounds
from projector.snapshot import Snapshots
from tests.support.projection import Log, fill


def archive(log: Log, where: Path) -> Archive:
    """Project and archive all that is in the log."""
    log.drain()
    found = Archive.at(str(where), log.namespace)
    Archiver(log.client, found).once()
    log.drain()
    return found


def three_segments(log: Log, where: Path) -> Archive:
    """Three segments of a log within small bounds, with a snapshot after the second."""
    log.bounds = Bounds(max_entries=20, max_actions=4)
    for number in range(3):
        fill(log)
        found = archive(log, where)
        if number == 1:
            take_snapshot(log, found)
    return found


def trim(log: Log, found: Archive) -> int:
    """Trim the log to the archive's last entry, and count it as a projector does; how many went."""
    count = int(log.client.xtrim(log.key("wal"), minid=found.last_id, approximate=False))
    log.client.hincrby(log.key("checkpoint"), "trimmed", count)
    return count


def take_snapshot(log: Log, found: Archive) -> int:
    return Snapshots(found.place).take(found, log.bounds or Bounds())
