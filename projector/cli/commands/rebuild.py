"""`projector rebuild`: make the projection anew from the log."""

from __future__ import annotations

from producer.terminal.options import Log
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write
from projector.cli.options import ChangedBounds


def rebuild(*, log: Log, changes: ChangedBounds) -> None:
    """Fold the log from its start into a new projection, and put it in the old one's place at once.

    It mends what `verify` finds, and is how other bounds take effect (start the projectors with the same). Readers
    are not stopped; an active projector stands by for the last moment. Can be broken off and started again.
    """
    from projector.shadow import rebuild as rebuild_projection

    with progress_bar("Rebuilding") as progress:
        outcome = rebuild_projection(log.location.url, log.namespace, changes=changes, progress=progress)
    resumed = ", after one that was broken off" if outcome.resumed else ""
    lost = f"; {outcome.lost} of them are no longer in the log" if outcome.lost else ""
    where = f"it stands at {outcome.last_id}" if outcome.last_id else "the log is empty"
    write(f"rebuilt{resumed}: {where}, {outcome.entries} entries{lost}\n")
