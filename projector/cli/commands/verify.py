"""`projector verify`: compares the projection with the log."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from socket import gethostname
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.exit_status import FAILED
from producer.terminal.options import Json
from producer.terminal.stdout import write, write_json
from producer.text.wording import counted
from projector.cli.account import account
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.display.wording import visible
from projector.cli.options import ArchiveOption
from projector.cli.partitions.each import Each, bar_of, names_of
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
    log: Logs,
) -> None:
    """Fold the log anew, in memory, and compare it with the projection.

    A log that was trimmed takes its archive. Exit status 0 if both are identical, 1 if not. The projector may go
    on working meanwhile. Of several namespaces, or partitions, each is compared by itself. It
    notes when it was and what came of it, if the account may write, and writes nothing else.

    Example: projector verify
    """
    if from_archive and not archive:
        raise typer.BadParameter("--from-archive takes an archive: name it with --archive")
    names = names_of(log)
    compare = partial(_compared, log, names, archive, from_archive)
    if len(names) > 1:
        _verify_each(log, Each(names, compare), as_json=as_json, archived=bool(archive))
        return
    outcome = compare(names[0])
    if as_json:
        from projector.documents import document

        write_json(document("verify", outcome))
    else:
        write(_report(outcome, names[0], archived=bool(archive)) + ("" if outcome.at else why_empty(log)))
    if not outcome.identical:
        raise typer.Exit(FAILED)


def _compared(
    log: LogAddresses, names: list[str], archive: str | None, from_archive: bool, name: str
) -> Verification:
    from projector.verification import verify as verify_projection
    from projector.verification.record import record

    with bar_of("Verifying", name, names) as progress:
        outcome = verify_projection(
            log.location.url, name, archive=archive, from_archive=from_archive, progress=progress
        )
    if outcome.at or outcome.differences:  # a namespace that nobody uses gets no key
        record(log.location.url, name, outcome, by="@".join(filter(None, (account(), gethostname()))))
    return outcome


def _verify_each(log: LogAddresses, each: Each[Verification], *, as_json: bool, archived: bool) -> None:
    found = each.tell(
        partial(_report, archived=archived),
        good=attrgetter("identical"),
        document="verify" if as_json else "",
        word="identical",
    )
    if not as_json:
        entries = counted(sum(one.entries for one in found), "entry")
        write(each.summary("identical", "not identical", "not verified", f", {entries}"))
        if not any(one.at for one in found) and not each.failed:
            write(why_empty(log))
    each.exit()


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
