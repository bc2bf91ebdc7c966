"""`projector verify`: compares the projection with the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.exit_status import FAILED
from producer.terminal.options import Json, Log
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write, write_json
from producer.text.wording import counted
from projector.cli.display.wording import visible
from projector.cli.options import ArchiveOption
from projector.cli.read.answer import why_empty
from projector.errors import command_for, cures_of_loss

if TYPE_CHECKING:
    from projector.verification import Difference, Verification

_SHOWN = 100


def verify(
    archive: ArchiveOption = None,
    from_archive: Annotated[
        bool, typer.Option("--from-archive", help="Fold from the archive's first segment, not from a snapshot.")
    ] = False,
    as_json: Json = False,
    *,
    log: Log,
) -> None:
    """Fold the log anew, in memory, and compare it with the projection.

    A log that was trimmed takes its archive. Exit status 0 if both are identical, 1 if not. Reads only. The projector
    may go on working meanwhile.

    Example: projector verify
    """
    if from_archive and not archive:
        raise typer.BadParameter("--from-archive takes an archive: name it with --archive")
    from projector.verification import verify as verify_projection

    with progress_bar("Verifying") as progress:
        outcome = verify_projection(
            log.location.url, log.namespace, archive=archive, from_archive=from_archive, progress=progress
        )
    if as_json:
        from projector.documents import document

        write_json(document("verify", outcome))
    else:
        write(_report(outcome, log.namespace, archived=bool(archive)) + ("" if outcome.at else why_empty(log)))
    if not outcome.identical:
        raise typer.Exit(FAILED)


def _report(outcome: Verification, namespace: str, *, archived: bool) -> str:
    if outcome.identical:
        if not outcome.at:
            return "identical: nothing has been projected yet\n"
        moved = " (the projection went on meanwhile)" if outcome.moved else ""
        return f"identical at {outcome.at}, {counted(outcome.entries, 'entry')}{moved}\n"
    lines = [_line(difference) for difference in outcome.differences[:_SHOWN]]
    more = len(outcome.differences) - len(lines)
    if more:
        lines.append(f"… and {more} more (all of them: --json)")
    repair = f"repair it with: {command_for(namespace, 'rebuild --archive WHERE' if archived else 'rebuild')}"
    lines.append(
        f"the projection has {counted(len(outcome.differences), 'difference')} at {outcome.at or 'the beginning'}, "
        f"{counted(outcome.entries, 'entry')}; "
        + (f"{outcome.losses}; {cures_of_loss(namespace)}" if outcome.losses else repair)
    )
    return "\n".join(lines) + "\n"


def _line(difference: Difference) -> str:
    where = visible(difference.key) + (f" {visible(difference.field)}" if difference.field else "")
    expected = "nothing" if difference.expected is None else visible(difference.expected)
    found = "nothing" if difference.found is None else visible(difference.found)
    return f"{where}: expected {expected}, found {found}"
