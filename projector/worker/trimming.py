"""The trimming of the log: the active projector removes what is archived, old enough, and needed by nobody."""

import logging
from collections.abc import Callable
from typing import Any

from projector.commit.link import Link, Script
from projector.commit.verdict import judge
from projector.entry_id import milliseconds_of
from projector.keys import GROUP, Keys
from projector.records import InFlightRecord
from projector.retention.holds import end_of_group, end_of_run, group_in_words, run_in_words
from projector.retention.retention import Retention
from projector.worker.lease import Lease
from projector.worker.projection_writer import ProjectionWriter

TRIM = Script("trim")

_STEP = 5000
"""Entries that one script removes at most: clients wait as long as it runs."""
_STEPS = 20
"""Scripts of one trimming, so that it keeps pace with any projector, and the fold does not wait for long."""


class Trimming:
    """Trims by `retention`, session after session. `archived_to()` is the last entry in the archive, or `""`."""

    def __init__(self, retention: Retention, archived_to: Callable[[], str]) -> None:
        self._retention = retention
        self._archived_to = archived_to
        self._told: set[str] = set()  # the causes, of those that hold trimming back for long
        self._log = logging.getLogger("projector")

    def trim(self, link: Link, keys: Keys, lease: Lease, projection: ProjectionWriter) -> None:
        """Trim what may go now. No commit is under way afterwards, so none can undo the new count of `trimmed`.

        Raises Superseded or Damaged if a fence of trim.lua refuses.
        """
        link.settle()
        checkpoint, retention = projection.history.checkpoint, self._retention
        archived = checkpoint.last_id if retention.without_archive else self._archived_to()
        if not (checkpoint.last_id and archived):
            return
        projection.loader.load_in_flight()
        run = projection.history.in_flight.oldest
        arguments: list[Any] = [lease.token, checkpoint.last_id, GROUP, archived, run.entry_id if run else ""]
        arguments += [retention.age_ms, retention.entries, _STEP]
        for _ in range(_STEPS):
            reply = link.call(*TRIM.command([keys.wal, keys.lease, keys.checkpoint], arguments))
            removed, trimmed, wanted, held, holder = judge(reply, keys)
            checkpoint.trimmed = int(trimmed)
            if removed == "0":
                break
        self._say_held(keys, wanted, held, holder, run)

    def _say_held(self, keys: Keys, wanted: str, held: str, holder: str, run: InFlightRecord | None) -> None:
        """Log who holds trimming back for long, once for each cause."""
        if not holder:
            self._told.clear()
            return
        cause = f"{holder} {held}" if holder == "run" else holder
        if milliseconds_of(wanted) - milliseconds_of(held) < self._retention.patience_ms or cause in self._told:
            return
        self._told.add(cause)
        if run is not None and holder == "run":
            found, cure = run_in_words(run), f"if it has ended: {end_of_run(keys.namespace, run)}"
        else:
            name = holder.removeprefix("group ")
            found, cure = group_in_words(name, held), f"if nobody reads from it any more: {end_of_group(keys, name)}"
        self._log.warning("the log is not trimmed, because of %s; %s", found, cure)
