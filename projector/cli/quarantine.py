"""`projector quarantine`: look at what could not be folded, and say what is to become of it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.table import Table

from producer.connection.location import locate
from producer.wal import DEFAULT_NAMESPACE
from projector.cli.durations import ago, clock_time
from projector.cli.options import Namespace, Url
from projector.cli.page import page
from projector.cli.stdout import write, write_json
from projector.cli.tables import cell, pairs
from projector.cli.visible import visible
from projector.errors import ProjectorError
from projector.quarantine import Attempt, Folded, Quarantine, QuarantinedEntry, QuarantinedField

__all__ = ["quarantine"]

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="How many at most, the latest first.")]
_Wait = Annotated[
    float, typer.Option("--wait", min=0.0, help="Seconds to wait for the projector to fold what was appended.")
]
_Id = Annotated[str, typer.Argument(metavar="ID", help="The entry's id, as list shows it.")]
_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")

quarantine = typer.Typer(
    name="quarantine",
    help="Entries of the log that could not be folded: look at them, retry them, drop them.",
    no_args_is_help=True,
)


@quarantine.command("list")
def list_(
    limit: _Limit = 10, as_json: _Json = False, url: Url = None, namespace: Namespace = DEFAULT_NAMESPACE
) -> None:
    """What is in the quarantine, the latest first."""
    with _open(url, namespace) as opened:
        entries, size = opened.entries(limit), opened.size()
    if as_json:
        return write_json([_document(entry) for entry in entries])
    if not size:
        return write(f"the quarantine of namespace {namespace} is empty\n")
    now = int(time.time() * 1000)
    table = Table(
        "When", "Entry", "By", "Reason", box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold"
    )
    for entry in entries:
        table.add_row(ago(entry.at, now), entry.entry_id, cell(entry.by or "–"), cell(entry.reason))
    more = [f"and {size - len(entries):,} more: --limit {size}"] if size > len(entries) else []
    return write(page(table, *more))


@quarantine.command()
def show(entry_id: _Id, as_json: _Json = False, url: Url = None, namespace: Namespace = DEFAULT_NAMESPACE) -> None:
    """One entry: why it was not folded, who wrote it and when, and its fields."""
    _check(entry_id)
    with _open(url, namespace) as opened:
        entry = opened.get(entry_id)
    if entry is None:
        raise ProjectorError(
            f"entry {entry_id} is not in the quarantine of namespace {namespace}; "
            "those that are: projector quarantine list"
        )
    if as_json:
        return write_json(_document(entry))
    rows = [
        ("Entry", entry.entry_id),
        ("Reason", visible(entry.reason)),
        ("When", f"{ago(entry.at, int(time.time() * 1000))}, {clock_time(entry.at)}"),
        ("By", visible(entry.by or "–")),
        ("Number", visible(entry.seq or "–")),
    ]
    fields: list[tuple[str, str]] = [(visible(_text(field.name)), _shown(field)) for field in entry.fields]
    if entry.more_fields:
        fields.append(("…", f"and {entry.more_fields:,} more fields, which were not kept"))
    return write(page(pairs(rows), "", pairs(fields)))


@quarantine.command()
def retry(
    entry_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every entry, but for those that may have counted already.")
    ] = False,
    wait: _Wait = 5.0,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
) -> None:
    """Append to the log anew what can be decoded now; the projector takes it out of the quarantine and counts it.

    Exit status 1 if any could not be. To repeat this does no harm: nothing counts twice.
    """
    if everything == bool(entry_ids):
        raise typer.BadParameter("name the entries, or all of them with --all")
    _check(*entry_ids or ())
    with _open(url, namespace) as opened:
        attempts = opened.retry_all() if everything else opened.retry(_once(entry_ids or ()))
        _report(opened, attempts, wait, nothing="the quarantine is empty\n")


@quarantine.command()
def drop(
    entry_ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: _Wait = 5.0,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
) -> None:
    """Take entries out of the quarantine for good. Asks first. In the log they stay.

    Exit status 1 if any is not there.
    """
    _check(*entry_ids)
    wanted = _once(entry_ids)
    if not yes:
        _ask(len(wanted))
    with _open(url, namespace) as opened:
        _report(opened, opened.drop(wanted), wait)


def _open(url: str | None, namespace: str) -> Quarantine:
    return Quarantine(locate(url, os.environ), namespace)


def _check(*entry_ids: str) -> None:
    for entry_id in entry_ids:
        if not _ENTRY_ID.fullmatch(entry_id):
            raise typer.BadParameter(f"expected an entry id, <milliseconds>-<number>, found {visible(entry_id)}")


def _once(entry_ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(entry_ids))


def _ask(count: int) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise ProjectorError("drop asks first, and there is no terminal to ask on: to drop without asking add --yes")
    what = "this entry" if count == 1 else f"these {count} entries"
    typer.confirm(f"Drop {what} for good, uncounted?", abort=True, err=True)


def _report(opened: Quarantine, attempts: Iterable[Attempt], wait: float, *, nothing: str = "") -> None:
    """Say of each attempt what came of it; exit status 1 if that is not what was asked for."""
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
        stayed = _count_in_quarantine(opened, appended) if folded is Folded.YES else 0
        write(_said(folded, stayed, len(appended), wait))
    if stayed or len(appended) < len(made):
        raise typer.Exit(1)
    return None


def _count_in_quarantine(opened: Quarantine, attempts: Iterable[Attempt]) -> int:
    return sum(opened.get(attempt.entry_id) is not None for attempt in attempts)


def _said(folded: Folded, stayed: int, count: int, wait: float) -> str:
    entries = "1 entry" if count == 1 else f"{count:,} entries"
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


def _shown(field: QuarantinedField) -> str:
    text = visible(_text(field.value))
    return f"{text} … ({field.length:,} bytes, of which {len(field.value):,} were kept)" if field.is_cut else text


def _document(entry: QuarantinedEntry) -> dict[str, Any]:
    """For --json; bytes that are no UTF-8 as `\\xff`."""
    return {
        "entry_id": entry.entry_id,
        "at": entry.at,
        "reason": entry.reason,
        "by": entry.by,
        "seq": entry.seq,
        "fields": [
            {"name": _text(field.name), "value": _text(field.value), "length": field.length} for field in entry.fields
        ],
        "more_fields": entry.more_fields,
    }


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
