"""`projector verify`: is the projection what the log says?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from producer.terminal.exit_status import FAILED
from producer.terminal.options import Json, Log
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write, write_json
from projector.cli.display.visible import visible

if TYPE_CHECKING:
    from projector.verification import Difference, Verification

_SHOWN = 100


def verify(as_json: Json = False, *, log: Log) -> None:
    """Fold the log anew, in memory, and compare: exit status 0 if the projection is identical, 1 if not.

    Reads only. The projector may go on working meanwhile.
    """
    from projector.verification import verify as verify_projection

    with progress_bar("Verifying") as progress:
        outcome = verify_projection(log.location.url, log.namespace, progress=progress)
    if as_json:
        from projector.documents import Verified

        write_json(Verified.of(outcome))
    else:
        write(_report(outcome))
    if not outcome.identical:
        raise typer.Exit(FAILED)


def _report(outcome: Verification) -> str:
    if outcome.identical:
        if not outcome.at:
            return "identical: nothing has been projected yet\n"
        moved = " (the projection went on meanwhile)" if outcome.moved else ""
        return f"identical at {outcome.at}, {outcome.entries} entries{moved}\n"
    lines = [_line(difference) for difference in outcome.differences[:_SHOWN]]
    more = len(outcome.differences) - len(lines)
    if more:
        lines.append(f"… and {more} more (all of them: --json)")
    lines.append(
        f"{len(outcome.differences)} differences at {outcome.at or 'the beginning'}, {outcome.entries} entries; "
        "mend them with: projector rebuild"
    )
    return "\n".join(lines) + "\n"


def _line(difference: Difference) -> str:
    where = visible(difference.key) + (f" {visible(difference.field)}" if difference.field else "")
    expected = "nothing" if difference.expected is None else visible(difference.expected)
    found = "nothing" if difference.found is None else visible(difference.found)
    return f"{where}: expected {expected}, found {found}"
