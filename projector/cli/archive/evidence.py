"""`projector archive verify`, `prove` and `check`: what proves that the trail is as it was."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.exit_status import FAILED
from producer.terminal.options import Json, Log
from producer.terminal.stdout import write, write_json
from producer.text.wording import counted
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.archive.names import archived_names
from projector.cli.archive.once import named, opened
from projector.cli.display.wording import visible
from projector.cli.entry_ids import check_entry_ids
from projector.cli.options import ArchiveOption
from projector.cli.partitions.each import Each, bar_of
from projector.errors import ServerRefused, ServerUnavailable, command_for

if TYPE_CHECKING:
    from projector.archive.archive import Archive
    from projector.evidence.examination import Examination


def _checked_head(head: str | None) -> str | None:
    """A variable that is empty, or half a hash, is no head: no archive would be judged by it."""
    if head is not None and not re.fullmatch("[0-9a-f]{64}", head):
        raise typer.BadParameter(f"expected a hash of 64 hexadecimal digits, found {head!r}")
    return head


_Head = Annotated[
    str | None,
    typer.Option(
        "--head",
        metavar="HASH",
        help="A head of before, kept elsewhere: it must be in the chain.",
        callback=_checked_head,
    ),
]
_PublicKey = Annotated[
    Path | None,
    typer.Option("--public-key", metavar="FILE", help="A .pub file (Ed25519): its key must have signed all."),
]


def verify(
    archive: ArchiveOption = None,
    head: _Head = None,
    public_key: _PublicKey = None,
    as_json: Json = False,
    *,
    log: Logs,
) -> None:
    """Check every segment and the chain, and that the log goes on where the archive ends.

    Names the first segment that was changed, removed, inserted or reordered. Exit status 0 if there is none, else 1.
    The log is compared if the server can be reached. Of several namespaces, or partitions, each has an archive of its
    own there. Reads only.

    Example: projector archive verify --archive /srv/trail
    """
    names = archived_names(log, named(archive))
    if head and len(names) > 1:
        raise typer.BadParameter("a head is of one archive: name one namespace, or partition", param_hint="--head")
    act = partial(_examined, log, names, archive, head, _keys(public_key))
    if len(names) > 1:
        _verify_each(Each(names, act), as_json=as_json)
        return
    outcome = act(names[0])
    if as_json:
        from projector.documents import document

        write_json(document("archive-verify", outcome))
    else:
        write(_report(outcome, names[0]))
    if not outcome.intact:
        raise typer.Exit(FAILED)


def _examined(
    log: LogAddresses,
    names: list[str],
    archive: str | None,
    head: str | None,
    keys: frozenset[str] | None,
    name: str,
) -> Examination:
    from projector.evidence.examination import examine

    with bar_of("Verifying", name, names, noun="segments") as progress:
        found = examine(opened(archive, name), log.location.url, head=head, public_keys=keys, progress=progress)
    if len(names) > 1 and not found.segments and _is_unused(log, name, opened(archive, name)):
        return replace(found, fault=None, log="nothing was ever recorded here, and nothing is archived")
    return found


def _is_unused(log: LogAddresses, name: str, archive: Archive) -> bool:
    """Whether nothing was ever recorded: so with a partition that no action has."""
    from producer.connection.client import using_client
    from producer.log import Log as Entries
    from projector.connection.reader import Reader
    from projector.keys import Keys

    if archive.count:
        return False
    keys = Keys(name)
    with suppress(ServerUnavailable, ServerRefused), using_client(log.location.url, name) as client:
        reader = Reader(client, keys.wal)
        facts = Entries(reader.call, name).facts()
        return not (facts and facts.added) and not reader.call("HMGET", keys.checkpoint, "last_id")[0]
    return False


def _verify_each(each: Each[Examination], *, as_json: bool) -> None:
    found = each.tell(_report, good=attrgetter("intact"), document="archive-verify" if as_json else "", word="intact")
    if not as_json:
        entries = counted(sum(one.entries for one in found), "entry")
        write(each.summary("intact", "not intact", "not verified", f", {entries}"))
    each.exit()


def prove(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="The entry's id.")],
    archive: ArchiveOption = None,
    *,
    log: Log,
) -> None:
    """Print an entry with what a third person needs to check it against a head.

    Example: projector archive prove 1793721600000-0 --archive /srv/trail
    """
    from msgspec.structs import asdict

    from projector.evidence.proof import prove as prove_entry

    check_entry_ids(entry_id)
    write_json(asdict(prove_entry(opened(archive, log.namespace), entry_id)))


def check(
    proof: Annotated[str, typer.Argument(metavar="PROOF", help="A file that archive prove printed; - for stdin.")],
    head: _Head = None,
    public_key: _PublicKey = None,
) -> None:
    """Check a proof, without a server and without the archive; print the entry and the head it was checked against.

    Exit status 0 if it proves the entry, else 1. Without --head or --public-key, compare the printed head yourself.

    Example: projector archive check proof.json
    """
    from projector.evidence.proof import check as check_proof

    content = sys.stdin.buffer.read() if proof == "-" else Path(proof).read_bytes()
    found = check_proof(content, head=head, public_keys=_keys(public_key))
    signed = "".join(f"signed by: {key}\n" for key in found.signed_by)
    write(
        f"{visible(found.line)}\nstands in segment {found.segment} of namespace {visible(found.namespace)}\n"
        f"head: {found.head}\n{signed}"
    )


def _keys(file: Path | None) -> frozenset[str] | None:
    if file is None:
        return None
    from projector.archive.signature import read_public_keys

    return read_public_keys(file)


def _report(outcome: Examination, namespace: str) -> str:
    from projector.evidence.examination import TO_BE_MOVED

    intact = f"{counted(outcome.segments, 'segment')}, {counted(outcome.entries, 'entry')}"
    if outcome.last_id:
        intact += f" up to {outcome.last_id}\nhead: {outcome.head}"
    if fault := outcome.fault:
        where = f"segment {fault.segment} ({visible(fault.file)})" if fault.segment else visible(fault.file)
        act = "bring the files back from a copy, "
        if not fault.file or fault.found.endswith(TO_BE_MOVED):
            act = ""
        return (
            f"{where or 'the archive'}: {visible(fault.found)}\nintact before it: {intact}\n"
            f"{act}then again: "
            f"{command_for(namespace, 'archive verify')}\n"
        )
    lines = [f"intact: {intact}"]
    if outcome.since:
        lines.append(f"since the head that was given: {counted(outcome.since, 'segment')}")
    if outcome.lost:
        lines.append(f"lost for ever, as somebody has accepted: {counted(outcome.lost, 'entry')}")
    lines += [f"signed by: {key}" for key in outcome.signed_by]
    if outcome.unsigned:
        first, last = outcome.unsigned[0], outcome.unsigned[-1]
        lines.append(f"not signed: {counted(len(outcome.unsigned), 'segment')}, from {first} to {last}")
    return "\n".join([*lines, f"log: {outcome.log}\n"])
