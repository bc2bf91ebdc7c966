"""`projector rebuild`: make the projection anew from the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.stdout import write
from producer.text.wording import counted
from projector.cli.account import account
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.options import ArchiveOption, ChangedBounds
from projector.cli.partitions.each import Each, bar_of, names_of

if TYPE_CHECKING:
    from projector.shadow import Rebuilt

AcceptLoss = Annotated[
    str | None,
    typer.Option("--accept-loss", metavar="REASON", help="Accept that entries are lost, and put that on record."),
]


def rebuild(
    archive: ArchiveOption = None, accept_loss: AcceptLoss = None, *, log: Logs, changes: ChangedBounds
) -> None:
    """Fold the log from its start, or what is archived of it, into a new projection.

    It takes the place of the old one at once. It repairs what `verify` finds, and is how other bounds take effect
    (start the projectors with the same). Readers are not stopped; an active projector stands by for the last moment.
    Can be broken off and started again. Refuses if entries are lost; --accept-loss appends to the log that they are,
    for whatever reads it from then on. Several namespaces, or partitions, are rebuilt one after the other.

    Example: projector rebuild
    """
    names = names_of(log)
    work = _Rebuilding(log, names, archive, accept_loss, changes)
    if len(names) == 1:
        write(work.report(work.rebuilt(names[0]), names[0]))
        return
    each = Each(names, work.rebuilt)
    entries = counted(sum(found.entries for found in each.tell(work.report)), "entry")
    write(each.summary("rebuilt", "", "not rebuilt", f", {entries}"))
    each.exit()


@dataclass
class _Rebuilding:
    """The rebuild of each of `names`, with what the command line says."""

    log: LogAddresses
    names: list[str]
    archive: str | None
    accept_loss: str | None
    changes: Mapping[str, int]

    def __post_init__(self) -> None:
        self._dropped: dict[str, list[Path]] = {name: [] for name in self.names}

    def rebuilt(self, name: str) -> Rebuilt:
        from projector.shadow import rebuild as rebuild_projection

        def drop(lines: Iterable[bytes]) -> None:
            self._dropped[name].append(_written(lines, f"dropped-{name}"))

        with bar_of("Rebuilding", name, self.names) as progress:
            return rebuild_projection(
                self.log.location.url,
                name,
                changes=self.changes,
                accept_loss=self.accept_loss,
                by=account(),
                drop=drop,
                archive=self.archive,
                progress=progress,
            )

    def report(self, outcome: Rebuilt, name: str) -> str:
        resumed = ", going on from an earlier one" if outcome.resumed else ""
        lost = ""
        if outcome.lost:
            are = "is" if outcome.lost == 1 else "are"
            lost = f"; {outcome.lost:,} of them {are} lost for ever, {outcome.accepted:,} accepted now"
        where = f"it stands at {outcome.last_id}" if outcome.last_id else "the log is empty"
        files = [f"the records of entries that are lost are in {file}\n" for file in self._dropped[name]]
        return "".join([*files, f"rebuilt{resumed}: {where}, {counted(outcome.entries, 'entry')}{lost}\n"])


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
