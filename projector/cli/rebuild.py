"""`projector rebuild`: the projection made anew from the log."""

from __future__ import annotations

import os

from producer.connection.location import locate
from producer.wal import DEFAULT_NAMESPACE
from projector.cli.options import Namespace, Url, bounds_changed
from projector.cli.progress import progress_bar
from projector.cli.stdout import write
from projector.shadow import rebuild as rebuild_projection

__all__ = ["rebuild"]


@bounds_changed
def rebuild(url: Url = None, namespace: Namespace = DEFAULT_NAMESPACE, *, changes: dict[str, int]) -> None:
    """Fold the log from its start into a new projection, and put it in the old one's place at once.

    It mends what `verify` finds, and is how other bounds take effect (start the projectors with the same). Readers
    are not stopped; an active projector stands by for the last moment. Can be broken off and started again.
    """
    with progress_bar("Rebuilding") as progress:
        outcome = rebuild_projection(locate(url, os.environ), namespace, changes=changes, progress=progress)
    resumed = ", after one that was broken off" if outcome.resumed else ""
    lost = f"; {outcome.lost} of them are no longer in the log" if outcome.lost else ""
    where = f"it stands at {outcome.last_id}" if outcome.last_id else "the log is empty"
    write(f"rebuilt{resumed}: {where}, {outcome.entries} entries{lost}\n")
