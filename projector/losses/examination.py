"""What is lost, for a person to read: how many entries, between which, and the records that are left of them."""

from __future__ import annotations

from dataclasses import dataclass

from producer.log import Log, LogFacts
from producer.text.wording import counted
from projector.archive.archive import Archive
from projector.checkpoint import Checkpoint
from projector.connection.reader import Reader
from projector.entry_id import order_of
from projector.keys import Keys
from projector.losses.reckoning import entries_ever, seal_comes_back
from projector.losses.records import without_entry

_NAMED = 10
_BEGINNING = "0-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """So many `entries` that the projection knows are gone. Their ids lay from `first_id` ("0-0": the beginning) to
    `last_id`, which are entries that survived, in log or archive, where any did. `records` names some of which a
    record is left, `more` counts the others."""

    entries: int
    first_id: str
    last_id: str
    records: tuple[str, ...]
    more: int

    def __str__(self) -> str:
        if self.entries < 1:
            return "no entry is lost"
        since = "the beginning" if self.first_id == _BEGINNING else self.first_id
        text = f"{counted(self.entries, 'entry is', 'entries are')} lost, from {since} to {self.last_id}"
        records = "; ".join(f"{record}: its entry was deleted" for record in self.records)
        more = f"; and {counted(self.more, 'more record')}" if self.more else ""
        return f"{text} ({records}{more})" if records else text


def examine_losses(
    reader: Reader, keys: Keys, *, archive: Archive | None = None, entries: int | None = None
) -> Losses:
    """What the projection knows, and neither the log nor `archive` has: `entries`, if somebody has reckoned them.

    Without an archive, what projectors trimmed is no loss. Raises what `reader` and `archive` do.
    """
    log = Log(reader.call, keys.namespace)
    found, told = reader.at_one_instant_by_script(("HGETALL", keys.checkpoint), ("XINFO STREAM", keys.wal))
    stands = Checkpoint.of_hash(found, keys.checkpoint) or Checkpoint()
    facts = LogFacts.of_reply(told) if told else LogFacts(0, 0, None, _BEGINNING)
    newest = archive.newest() if archive else None
    if entries is None:
        there = facts.length + stands.trimmed
        if archive is not None and newest is not None:
            there = newest.total + log.count_between(newest.last_id, last=facts.last_id)
            there += seal_comes_back(log, facts, stands, archive)
        entries = entries_ever(log, facts, stands) - there - stands.lost
    gone = without_entry(reader, keys, archive=archive) if entries > 0 else []
    if archive is None and stands.trimmed and facts.first_id:  # below, they may have been trimmed
        gone = [record for record in gone if order_of(record.entry_id) > order_of(facts.first_id)]
    archived = newest.last_id if newest else ""
    first_id, last_id = _between(log, facts, stands, [record.entry_id for record in gone], entries, told, archived)
    names = tuple(str(record) for record in gone[:_NAMED])
    return Losses(
        entries=max(0, entries), first_id=first_id, last_id=last_id, records=names, more=len(gone) - len(names)
    )


def _between(
    log: Log,
    facts: LogFacts,
    stands: Checkpoint,
    gone: list[str],
    entries: int,
    told: dict[bytes, bytes] | None,
    archived: str,
) -> tuple[str, str]:
    """Ids between which all lost entries lay; `gone` are those that are known of them, the latest first. They lay
    behind the end of the archive, `archived`, unless one is known that did not: it was deleted before."""
    first_id, latest = _BEGINNING, [(told or {}).get(b"max-deleted-entry-id", b"0-0").decode(), *gone[:1]]
    if gone and len(gone) == entries:
        before = log.before(gone[-1])
        first_id, latest = before or _BEGINNING, gone[:1]
    if stands.last_id and log.entry(stands.last_id) is None:
        latest.append(stands.last_id)
    last = max(latest, key=order_of)
    if order_of(last) == (0, 0):  # trimmed by hand, below all that is there
        return first_id, facts.first_id or facts.last_id
    if archived and first_id == _BEGINNING:
        is_behind = all(order_of(entry_id) > order_of(archived) for entry_id in (*gone[-1:], last))
        first_id = archived if is_behind else _BEGINNING
    after = log.after(last, 1)
    return first_id, after[0][0].decode() if after else last
