"""`projector rebuild`: make the projection anew from the log."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from producer.terminal.options import Log
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write
from producer.text.wording import counted
from projector.cli.account import account
from projector.cli.options import ArchiveOption, ChangedBounds

AcceptLoss = Annotated[
    str | None,
    typer.Option("--accept-loss", metavar="REASON", help="Accept that entries are lost, and put that on record."),
]


def rebuild(
    archive: ArchiveOption = None, accept_loss: AcceptLoss = None, *, log: Log, changes: ChangedBounds
) -> None:
    """Fold the log from its start, or what is archived of it, into a new projection.

    It takes the place of the old one at once. It repairs what `verify` finds, and is how other bounds take effect
    (start the projectors with the same). Readers are not stopped; an active projector stands by for the last moment.
    Can be broken off and started again. Refuses if entries are lost; --accept-loss appends to the log that they are,
    for whatever reads it from then on.

    Example: projector rebuild
    """
    from projector.shadow import rebuild as rebuild_projection

    dropped: list[Path] = []

    def drop(lines: Iterable[bytes]) -> None:
        dropped.append(_written(lines, f"dropped-{log.namespace}"))

    with progress_bar("Rebuilding") as progress:
        outcome = rebuild_projection(
            log.location.url,
            log.namespace,
            changes=changes,
            accept_loss=accept_loss,
            by=account(),
            drop=drop,
            archive=archive,
            progress=progress,
        )
    resumed = ", going on from an earlier one" if outcome.resumed else ""
    lost = f"; {outcome.lost:,} of them are lost for ever, {outcome.accepted:,} accepted now" if outcome.lost else ""
    where = f"it stands at {outcome.last_id}" if outcome.last_id else "the log is empty"
    for file in dropped:
        write(f"the records of entries that are lost are in {file}\n")
    write(f"rebuilt{resumed}: {where}, {counted(outcome.entries, 'entry')}{lost}\n")


def _written(lines: Iterable[bytes], name: str) -> Path:
    """A new file in the current directory, which holds the lines."""
    for number in count(1):
        path = Path(f"{name}-{number}.jsonl")
        try:
            with path.open("xb") as file:
                file.writelines(line + b"\n" for line in lines)
        except FileExistsError:
            continue
        except OSError as error:
            raise typer.BadParameter(
                f"what is lost has to be written to {path} before it is dropped, and cannot be: {error.strerror}; "
                "run this command in a directory that can be written"
            ) from error
        return path
    raise AssertionError
