"""`projector quarantine`: look at entries that could not be folded, and retry or drop them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.options import Log, LogAddress
from producer.terminal.program import add_commands, new_group
from producer.terminal.stdout import write
from producer.text.wording import counted
from projector.answers.quarantined import entry_answer, entry_of, list_answer
from projector.cli.decided import Wait, Yes, ask, report
from projector.cli.entry_ids import check_entry_ids
from projector.cli.options import ArchiveOption, Limit, Tables, Times
from projector.cli.read.answer import why_empty
from projector.errors import ProjectorError, command_for

if TYPE_CHECKING:
    from projector.decisions.decision import Attempt
    from projector.quarantine import Quarantine

_Id = Annotated[str, typer.Argument(metavar="ID", help="The entry's id, as list shows it.")]


def list_(limit: Limit = 10, *, log: Log, view: Tables) -> None:
    """What is in the quarantine, the latest first.

    Example: projector quarantine list --limit 20
    """
    from projector.cli.display.quarantined import entries_page

    with _open(log) as opened:
        entries, size = opened.entries(limit), opened.size()
    if view.as_json:
        write(list_answer(entries).json)
    elif size:
        write(entries_page(entries, size=size, view=view))
    else:
        write(f"the quarantine of namespace {log.namespace} is empty\n{why_empty(log)}")


def show(entry_id: _Id, *, log: Log, view: Times) -> None:
    """One entry: why it was not folded, who wrote it and when, and its fields.

    Example: projector quarantine show 1793721600000-0
    """
    from projector.cli.display.quarantined import entry_page

    check_entry_ids(entry_id)
    with _open(log) as opened:
        entry = entry_of(opened, entry_id, log.namespace)
    if view.as_json:
        write(entry_answer(entry).json)
    else:
        write(entry_page(entry, view))


def retry(
    entry_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="The entries' ids.", show_default=False)
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every entry, but for those that may have counted already.")
    ] = False,
    archive: ArchiveOption = None,
    wait: Wait = 5.0,
    *,
    log: Log,
) -> None:
    """Append to the log anew what can be decoded now; the projector takes it out of the quarantine and counts it.

    Exit status 1 if any could not be. To repeat this does no harm: nothing counts twice.

    Example: projector quarantine retry --all
    """
    if everything == bool(entry_ids):
        raise typer.BadParameter("name the entries, or all of them with --all")
    wanted = check_entry_ids(*entry_ids or ())
    with _open(log, archive) as opened:
        attempts = opened.retry_all() if everything else opened.retry(wanted)
        _report(opened, attempts, wait, log.namespace)


def drop(
    entry_ids: Annotated[list[str], typer.Argument(metavar="ID", help="The entries' ids.")],
    yes: Yes = False,
    wait: Wait = 5.0,
    *,
    log: Log,
) -> None:
    """Take entries out of the quarantine for good. Asks first. In the log they stay.

    Exit status 1 if any is not there.

    Example: projector quarantine drop --yes 1793721600000-0
    """
    wanted = check_entry_ids(*entry_ids)
    if not yes:
        what = "this entry" if len(wanted) == 1 else f"these {counted(len(wanted), 'entry')}"
        ask("drop", f"Drop {what} for good, uncounted?")
    with _open(log) as opened:
        _report(opened, opened.drop(wanted), wait, log.namespace)


quarantine = new_group(
    "quarantine",
    summary="Look at entries that could not be folded; retry or drop them.",
    epilog="Example: projector quarantine list",
)
add_commands(quarantine, list_, name="list")
add_commands(quarantine, show, retry, drop)


def _open(log: LogAddress, archive: str | None = None) -> Quarantine:
    from projector.quarantine import Quarantine

    return Quarantine(log.location.url, log.namespace, archive=archive)


def _report(opened: Quarantine, attempts: Iterable[Attempt], wait: float, namespace: str) -> None:
    def left(folded: list[Attempt]) -> str:
        entries = counted(len(folded), "entry")
        if stayed := sum(opened.get(attempt.subject) is not None for attempt in folded):
            raise ProjectorError(
                f"{stayed:,} of {entries} did not leave the quarantine: is the projector of another version? "
                f"({command_for(namespace, 'quarantine list')})"
            )
        return f"{entries} left the quarantine\n"

    report(opened, attempts, wait, namespace, nothing="the quarantine is empty\n", done=left)
