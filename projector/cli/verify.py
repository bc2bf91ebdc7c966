"""`projector verify`: is the projection what the log says?"""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated

import typer

from producer.connection.location import locate
from producer.wal import DEFAULT_NAMESPACE
from projector.cli.options import Namespace, Url
from projector.cli.progress import progress_bar
from projector.cli.stdout import write, write_json
from projector.cli.visible import visible
from projector.verification import Difference, Verification
from projector.verification import verify as verify_projection

__all__ = ["verify"]

_SHOWN = 100


def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
) -> None:
    """Fold the log anew, in memory, and compare: exit status 0 if the projection is identical, 1 if not.

    Reads only. The projector may go on working meanwhile.
    """
    with progress_bar("Verifying") as progress:
        outcome = verify_projection(locate(url, os.environ), namespace, progress=progress)
    if as_json:
        write_json({"identical": outcome.identical, **asdict(outcome)})
    else:
        write(_report(outcome))
    if not outcome.identical:
        raise typer.Exit(1)


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
