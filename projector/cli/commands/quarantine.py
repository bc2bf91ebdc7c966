"""`projector quarantine`: look at entries that could not be folded, and retry or drop them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.exit_status import FAILED
from producer.terminal.options import Json, Log, LogAddress
from producer.terminal.program import add_commands
from producer.terminal.stdout import write, write_json
from producer.terminal.wording import counted
from projector.cli.commands.read import now_ms
from projector.cli.display.visible import visible
from projector.cli.options import Limit
from projector.errors import ProjectorError

if TYPE_CHECKING:
    from projector.quarantine import Attempt, Folded, Quarantine

_Wait = Annotated[
    float, typer.Option("--wait", min=0.0, help="Seconds to wait for the projector to fold what was appended.")
]
_Id = Annotated[str, typer.Argument(metavar="ID", help="The entry's id, as list shows it.")]
_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")


def list_(limit: Limit = 10, as_json: Json = False, *, log: Log) -> None:
    """What is in the quarantine, the latest first."""
    from projector.cli.display.quarantined import entries_page

    with _open(log) as opened:
        entries, size = opened.entries(limit), opened.size()
    if as_json:
        from projector.documents import KeptEntry

        write_json([KeptEntry.of(entry) for entry in entries])
    elif size:
        write(entries_page(entries, size=size, now=now_ms()))
    else:
        write(f"the quarantine of namespace {log.namespace} is empty\n")


def show(entry_id: _Id, as_json: Json = False, *, log: Log) -> None:
    """One entry: why it was not folded, who wrote it and when, and its fields."""
    from projector.cli.display.quarantined import entry_page

    _check(entry_id)
    with _open(log) as opened:
        entry = opened.get(entry_id)
    if entry is None:
        raise ProjectorError(
            f"entry {entry_id} is not in the quarantine of namespace {log.namespace}; "
            "those that are: projector quarantine list"
        )
    if as_json:
        from projector.documents import KeptEntry

        write_json(KeptEntry.of(entry))
    else:
        write(entry_page(entry, now=now_ms()))


def retry(
    entry_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every entry, but for those that may have counted already.")
    ] = False,
    wait: _Wait = 5.0,
    *,
    log: Log,
) -> None:
    """Append to the log anew what can be decoded now; the projector takes it out of the quarantine and counts it.

    Exit status 1 if any could not be. To repeat this does no harm: nothing counts twice.
    """
    if everything == bool(entry_ids):
        raise typer.BadParameter("name the entries, or all of them with --all")
    wanted = _check(*entry_ids or ())
    with _open(log) as opened:
        attempts = opened.retry_all() if everything else opened.retry(wanted)
        _report(opened, attempts, wait, nothing="the quarantine is empty\n")


def drop(
    entry_ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: _Wait = 5.0,
    *,
    log: Log,
) -> None:
    """Take entries out of the quarantine for good. Asks first. In the log they stay.

    Exit status 1 if any is not there.
    """
    wanted = _check(*entry_ids)
    if not yes:
        _ask(len(wanted))
    with _open(log) as opened:
        _report(opened, opened.drop(wanted), wait)


quarantine = typer.Typer(
    name="quarantine",
    help="Entries of the log that could not be folded: look at them, retry them, drop them.",
    no_args_is_help=True,
)
add_commands(quarantine, list_, name="list")
add_commands(quarantine, show, retry, drop)


def _open(log: LogAddress) -> Quarantine:
    from projector.quarantine import Quarantine

    return Quarantine(log.location.url, log.namespace)


def _check(*entry_ids: str) -> list[str]:
    """`entry_ids`, each once. Raises typer.BadParameter for a text that is no entry id."""
    for entry_id in entry_ids:
        if not _ENTRY_ID.fullmatch(entry_id):
            raise typer.BadParameter(f"expected an entry id, <milliseconds>-<number>, found {visible(entry_id)}")
    return list(dict.fromkeys(entry_ids))


def _ask(count: int) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise ProjectorError("drop asks first, and there is no terminal to ask on: to drop without asking add --yes")
    what = "this entry" if count == 1 else f"these {count} entries"
    typer.confirm(f"Drop {what} for good, uncounted?", abort=True, err=True)


def _report(opened: Quarantine, attempts: Iterable[Attempt], wait: float, *, nothing: str = "") -> None:
    """Say what came of each attempt; exit with FAILED if an entry did not leave the quarantine."""
    from projector.quarantine import Folded

    made = []
    for attempt in attempts:
        made.append(attempt)
        outcome = f"left: {visible(attempt.refusal)}" if attempt.refusal else f"appended as {attempt.appended}"
        write(f"{attempt.entry_id}  {outcome}\n")
    if not made:
        return write(nothing)
    appended = [attempt for attempt in made if attempt.appended]
    stayed = 0
    if appended:
        folded = opened.wait(appended, seconds=wait)
        if folded is Folded.YES:
            stayed = sum(opened.get(attempt.entry_id) is not None for attempt in appended)
        write(_told(folded, stayed, len(appended), wait))
    if stayed or len(appended) < len(made):
        raise typer.Exit(FAILED)
    return None


def _told(folded: Folded, stayed: int, count: int, wait: float) -> str:
    from projector.quarantine import Folded

    entries = counted(count, "entry", "entries")
    match folded:
        case Folded.YES if stayed:
            return (
                f"{stayed:,} of {entries} did not leave the quarantine: is the projector of another version? "
                "(projector quarantine list)\n"
            )
        case Folded.YES:
            return f"{entries} left the quarantine\n"
        case Folded.NOT_YET:
            return f"the projector has not come to it within {wait:g} s; how far it is: projector status\n"
        case Folded.NOBODY:
            return "no projector is active; it is done as soon as one is: projector run\n"
