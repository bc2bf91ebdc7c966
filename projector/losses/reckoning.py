"""How many entries there have ever been, reckoned from what the log and the projection's checkpoint tell."""

from contextlib import suppress

from producer.errors import InvalidOperation
from producer.log import Log, LogFacts
from producer.operations import ArchiveSealed, decode
from producer.wal import OP
from projector.archive.archive import Archive
from projector.checkpoint import Checkpoint
from projector.entry_id import order_of

_PAGE = 1000


def entries_ever(log: Log, facts: LogFacts | None, stands: Checkpoint | None) -> int:
    """How many entries were ever added to the log, as it was at `facts`, or to another that it has replaced.

    `stands` is the live projection's checkpoint: what it has read was there, whatever the log says of itself. Reads
    the entries behind the checkpoint, which are few where a projector was active until now. An `archive_sealed` that
    a rebuild has appended again is the entry in whose place it stands, and not another one.
    """
    added = _added(facts)
    if stands is None or not _is_replaced(log, facts, stands):
        return added
    again = int(_is_told_again(log, stands))
    if facts and not _is_replaced(log, facts, stands, read=again):
        return added
    # What of the log is not behind the checkpoint (a log restored from a backup) has been read.
    survived = log.count_between("", last=min(stands.last_id, facts.last_id, key=order_of)) if facts else 0
    return stands.entries + added - survived - again


def seal_comes_back(log: Log, facts: LogFacts | None, stands: Checkpoint | None, archive: Archive) -> bool:
    """Whether a rebuild from `archive` is to append the last `archive_sealed` again.

    The projection, which `stands`, has read it, and the log that has replaced the projected one lacks it. No archive
    has it, because it comes behind the archive's end; but it is the archiver's own word: the manifest gives it back.
    """
    newest = archive.newest()
    if newest is None or stands is None or stands.archive_head != newest.hash:
        return False
    return _is_replaced(log, facts, stands) and not _tells_of(log, newest.hash, after=newest.last_id)


def _added(facts: LogFacts | None) -> int:
    return facts.length + facts.gone if facts else 0


def _is_replaced(log: Log, facts: LogFacts | None, stands: Checkpoint, *, read: int = 0) -> bool:
    """Whether more entries are behind the checkpoint, but for so many that were `read`, than were added since: then
    this log has replaced the one that was projected."""
    waiting = _added(facts) - stands.entries
    if not stands.last_id:
        return False
    if facts is None or waiting < 0:
        return True
    return log.count_between(stands.last_id, last=facts.last_id, most=waiting + read + 1) - read > waiting


def _is_told_again(log: Log, stands: Checkpoint) -> bool:
    """Whether the log tells of the archive's end behind the checkpoint, and not where the projection read of it."""
    head, end = stands.archive_head, stands.archive_last_id
    if not head or _tells_of(log, head, after=end, last=stands.last_id):
        return False
    return _tells_of(log, head, after=stands.last_id)


def _tells_of(log: Log, head: str, *, after: str, last: str = "+") -> bool:
    """Whether an `archive_sealed` behind `after`, and not behind `last`, tells of the archive's `head`."""
    while page := log.after(after, _PAGE, last=last):
        if any(_head_in(fields) == head for _, fields in page if any(head.encode() in word for word in fields)):
            return True
        after = page[-1][0].decode()
    return False


def _head_in(fields: list[bytes]) -> str:
    """The head that an `archive_sealed` tells; empty for another entry."""
    op = next((value for name, value in zip(fields[::2], fields[1::2], strict=True) if name == OP), b"")
    with suppress(InvalidOperation):
        operation = decode(op)
        return operation.head if isinstance(operation, ArchiveSealed) else ""
    return ""
