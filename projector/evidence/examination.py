"""The examination of an archive: is each segment the one that was sealed, and does the log go on where they end?

It walks from segment 1 and stops at the first fault. Whatever a manifest says is checked against its segment before
the next manifest is read. So where a `previous` does not fit, the manifest behind tells which of the two is original.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from producer.connection.client import Client, using_client
from producer.errors import InvalidOperation, UnusableServer
from producer.log import Entry, Log
from producer.operations import ArchiveSealed, LossAccepted, decode
from producer.text.wording import counted
from producer.wal import OP
from projector.archive.archive import Archive
from projector.archive.draft import Draft
from projector.archive.line import entry_of
from projector.archive.manifest import Manifest, manifest_name, manifest_of, segment_name
from projector.archive.merkle import root_of
from projector.archive.segment import unpacked
from projector.archive.signature import fault_of, key_of
from projector.checkpoint import Checkpoint
from projector.connection.reader import Reader
from projector.entry_id import order_of
from projector.errors import ArchiveDamaged, ServerRefused, ServerUnavailable, command_for
from projector.keys import Keys

_PAGE = 1000
_SECONDS = 10.0
_WITNESSES = (b"archive_sealed", b"loss_accepted")
TO_BE_MOVED = "; move the file away"
"""How a fault ends that is a file too many: what is there besides is whole."""
_NAMES = {"manifests": manifest_name, "segments": segment_name}


@dataclass(frozen=True, slots=True)
class Fault:
    """What was `found` in `file`, which belongs to `segment`; None for a file that belongs to none, None and an empty
    text for the archive as a whole."""

    segment: int | None
    file: str
    found: str


@dataclass(frozen=True, slots=True)
class Examination:
    """The first `segments` segments, with `entries` entries up to `last_id`, are intact, and `head` is the hash of
    their last manifest. `fault` is the first one found. `signed_by` are the keys of the signatures, `unsigned` the
    numbers of the segments without. `since`: how many segments came after the head that was asked for (None: none
    was). `lost`: how many entries are lost, as somebody has accepted in these segments or in the log behind them.
    `log`: what was found about the log, or why it was not compared."""

    segments: int
    entries: int
    last_id: str
    head: str
    signed_by: tuple[str, ...]
    unsigned: tuple[int, ...]
    since: int | None
    lost: int
    log: str
    fault: Fault | None

    @property
    def intact(self) -> bool:
        return self.fault is None


def examine(
    archive: Archive,
    url_or_client: str | Client | None = None,
    *,
    head: str | None = None,
    public_keys: Collection[str] | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Examination:
    """Examine `archive`, and compare it with the log on the server, if that can be reached.

    `head`: a hash that must be in the chain. `public_keys`: the keys of which one must have signed each manifest.
    `progress` is called with the segments examined and their number. Raises ArchiveUnavailable, and InvalidSettings
    if there are signatures and the package to check them is missing.
    """
    walk = _Walk(archive, public_keys, progress)
    fault, told = None, "not compared, because of the fault"
    try:
        walk.go_on()
        told = _compared(walk, url_or_client)
        if head and head not in walk.hashes:
            raise _Found(
                None,
                "",
                f"no manifest has the hash {head}: what had it was written anew, or removed; bring a copy back",
            )
    except _Found as found:
        fault = found.fault
    hashes, last = walk.hashes, walk.last
    return Examination(
        len(hashes),
        last.total if last else 0,
        last.last_id if last else "",
        hashes[-1] if hashes else "",
        tuple(sorted(walk.signed_by)),
        tuple(walk.unsigned),
        len(hashes) - 1 - hashes.index(head) if head in hashes else None,
        walk.lost,
        told,
        fault,
    )


class _Found(Exception):
    def __init__(self, segment: int | None, file: str, found: str) -> None:
        self.fault = Fault(segment, file, found)


def _one_too_many(number: int | None, file: str, why: str) -> _Found:
    return _Found(number, file, f"it was inserted: {why}{TO_BE_MOVED}")


class _Walk:
    def __init__(
        self, archive: Archive, public_keys: Collection[str] | None, progress: Callable[[int, int], None]
    ) -> None:
        self.archive = archive
        self.last: Manifest | None = None
        self.hashes: list[str] = []
        self.lost = 0
        """Entries whose loss was accepted, by the entries of the log that were seen."""
        self.waiting: list[Entry] = []
        """The entries of the next segment, if it is there without its manifest."""
        self.signed_by: set[str] = set()
        self.unsigned: list[int] = []
        self._public_keys = public_keys
        self._progress = progress

    def go_on(self) -> bool:
        """Examine the segments that have come since; whether there are any."""
        manifests, segments = self._numbers("manifests"), self._numbers("segments")
        count, before = max(manifests, default=0), len(self.hashes)
        if not count:
            raise _Found(1, manifest_name(1), "it is not there: nothing is archived here")
        for number in range(before + 1, count + 1):
            if number not in manifests:
                raise _Found(number, manifest_name(number), "it was removed: later ones are there")
            manifest = self._manifest(number)
            if number not in segments:
                raise _Found(number, segment_name(number), "it was removed: its manifest is there")
            entries = self._entries(number, manifest)
            self.last = manifest
            self.hashes.append(manifest.hash)
            for entry in entries:
                self.witness(entry)
            self._progress(number, count)
        self.waiting = []
        for number in sorted(number for number in segments if number > count):
            if number > count + 1:
                raise _one_too_many(number, segment_name(number), "no archiver is so far ahead of the chain")
            self.waiting = self._waiting(number)
        for folder in _NAMES:
            for name in self.archive.place.names(folder):
                is_odd = not name.startswith(".") and name != folder  # some stores list the folder itself
                if is_odd and _number_of(folder, name) is None:
                    raise _one_too_many(None, f"{folder}/{name}", "no archiver gives a file this name")
        return len(self.hashes) > before

    def _waiting(self, number: int) -> list[Entry]:
        """The entries of segment `number`, which has no manifest yet: its archiver was interrupted, or is at work.

        Whether they are the log's, the log alone can tell; but they have to go on behind the last manifest's.
        """
        name, after = segment_name(number), self.last.last_id if self.last else "0-0"
        try:
            entries = [entry_of(line) for line in unpacked(self.archive.place.read(name))]
            orders = [order_of(after), *(order_of(entry_id.decode()) for entry_id, _ in entries)]
        except ValueError as error:
            raise _one_too_many(number, name, f"it has no manifest, and is no segment ({error})") from error
        if any(order <= earlier for earlier, order in pairwise(orders)):
            raise _one_too_many(number, name, f"it has no manifest, and does not go on behind entry {after}")
        return entries

    def witness(self, entry: Entry) -> None:
        """Take in what an entry of the log says of the archive."""
        entry_id, fields = entry
        op = next((value for name, value in zip(fields[::2], fields[1::2], strict=True) if name == OP), b"")
        if not any(word in op for word in _WITNESSES):
            return
        with suppress(InvalidOperation):
            match decode(op):
                case LossAccepted(entries=lost):
                    self.lost += lost
                case ArchiveSealed(number=number, head=head):
                    self.check_hash(number, head, f"entry {entry_id.decode()} of the log")

    def check_hash(self, number: int, head: str, who: str) -> None:
        """Check that segment `number` is there, and that its manifest has the hash `head`, as `who` says."""
        name = manifest_name(number)
        if number > len(self.hashes):
            raise _Found(number, name, f"it was removed: {who} says that it was there")
        if self.hashes[number - 1] != head:
            raise _Found(
                number, name, f"it was written anew, or one before it was: {who} says that its hash was {head}"
            )

    def _numbers(self, folder: str) -> set[int]:
        numbers = (_number_of(folder, name) for name in self.archive.place.names(folder))
        return {number for number in numbers if number is not None}

    def _manifest(self, number: int) -> Manifest:
        """The manifest `number`, which fits the chain, and whose signature is good."""
        manifest, signature = self._read(number)
        name, before = manifest_name(number), number - 1
        if manifest.namespace != self.archive.namespace:
            raise _Found(number, name, f"it was put there from namespace {manifest.namespace}")
        if manifest.number != number:
            moved_on = 0 < manifest.number == before and manifest.hash != self.hashes[-1]
            if moved_on and self._is_original(number, manifest):
                raise _Found(
                    before, manifest_name(before), f"it was inserted: {name} is the original segment {before}"
                )
            raise _Found(number, name, f"it is the manifest of segment {manifest.number}: swapped, or inserted")
        if manifest.previous != (self.hashes[-1] if self.hashes else None):
            if before and (self._is_original(number, manifest) or not self._times_fit(before)):
                raise _Found(before, manifest_name(before), f"it was changed: {name} goes on from another")
            raise _Found(number, name, f"it was changed: it names {manifest.previous} as the manifest before")
        if not signature:
            self.unsigned.append(number)
            if self._public_keys is not None:
                raise _Found(number, name, "it is not signed")
            return manifest
        if fault := fault_of(manifest.line(), signature):
            raise _Found(number, name, fault)
        key = key_of(signature)
        if self._public_keys is not None and key not in self._public_keys:
            raise _Found(number, name, f"it is signed by another key: {key}")
        self.signed_by.add(key)
        return manifest

    def _read(self, number: int) -> tuple[Manifest, bytes]:
        name = manifest_name(number)
        try:
            return manifest_of(self.archive.place.read(name))
        except ValueError as error:
            raise _Found(number, name, f"it was changed: {error}") from error

    def _times_fit(self, number: int) -> bool:
        """Whether the times of manifest `number`, the last one, are those of its entries.

        Only asked where the chain breaks: an operation that its archiver did not know yet had no time for it.
        """
        draft = Draft()
        for entry in self.archive.entries(number):
            draft.add(entry)
        found, expected = self.archive.manifest(number), draft.manifest(b"", "", None)
        return (found.least_time, found.greatest_time) == (expected.least_time, expected.greatest_time)

    def _is_original(self, number: int, manifest: Manifest) -> bool | None:
        """Whether the manifest behind `number` names `manifest` as the one before; None if there is none to tell."""
        with suppress(_Found, ArchiveDamaged):
            return self._read(number + 1)[0].previous == manifest.hash
        return None

    def _entries(self, number: int, manifest: Manifest) -> list[Entry]:
        """The entries of segment `number`, which is what `manifest` says."""
        name, content = segment_name(number), self.archive.place.read(segment_name(number))
        digest = sha256(content).hexdigest()
        if digest != manifest.sha256:
            if self._is_original(number, manifest) is False:
                raise _Found(
                    number, manifest_name(number), "it was changed: neither its segment nor the chain fits it"
                )
            for other in sorted(self._numbers("manifests") - {number}):
                if self._read(other)[0].sha256 == digest:
                    raise _Found(number, name, f"it holds segment {other}: swapped, or copied there")
            how = "cut short" if len(content) < manifest.bytes else "changed"
            raise _Found(number, name, f"it was {how}: expected SHA-256 {manifest.sha256}, found {digest}")
        try:
            lines = unpacked(content)
            entries = [entry_of(line) for line in lines]
            orders = [order_of(entry_id.decode()) for entry_id, _ in entries]
        except ValueError as error:
            raise _Found(number, name, f"it was written anew: {error}") from error
        total = (self.last.total if self.last else 0) + len(entries)
        ids = entries[0][0].decode(), entries[-1][0].decode()
        expected = (*ids, len(entries), total, len(content), root_of(lines))
        found = (
            *(manifest.first_id, manifest.last_id, manifest.entries, manifest.total),
            *(manifest.bytes, manifest.root),
        )
        if found != expected:
            raise _Found(number, manifest_name(number), f"it was changed: expected {expected}, found {found}")
        after = order_of(self.last.last_id) if self.last else (-1, 0)
        if any(order <= earlier for earlier, order in zip([after, *orders], orders, strict=False)):
            raise _Found(number, name, "it was written anew: the ids of its entries do not ascend")
        return entries


def _number_of(folder: str, name: str) -> int | None:
    """The number of the manifest or segment that has this name; None for a name that no archiver gives."""
    digits = name.partition(".")[0]
    number = int(digits) if digits.isascii() and digits.isdecimal() else 0
    return number if number and f"{folder}/{name}" == _NAMES[folder](number) else None


def _compared(walk: _Walk, url_or_client: str | Client | None) -> str:
    """What was found about the log. Raises _Found where it does not continue the archive."""
    keys = Keys(walk.archive.namespace)
    try:
        with using_client(url_or_client, walk.archive.namespace, timeout=_SECONDS) as client:
            reader = Reader(client, keys.wal)
            while True:
                lost = walk.lost
                try:
                    return _compare(walk, reader, keys)
                except _Found:
                    walk.lost = lost
                    walk.archive.refresh()
                    if not walk.go_on():  # else an archiver had gone on meanwhile, and a projector trimmed
                        raise
    except (ServerUnavailable, ServerRefused, UnusableServer) as error:
        return f"not compared: {error}"


def _compare(walk: _Walk, reader: Reader, keys: Keys) -> str:
    archive, last = walk.archive, walk.last
    assert last is not None
    log = Log(reader.call, keys.namespace)
    facts = log.facts()
    if facts is None:
        return f"not compared: there is no log of namespace {keys.namespace} on this server"
    cursor, both, behind, end = "", 0, 0, order_of(last.last_id)
    while page := log.after(cursor, _PAGE, last=facts.last_id):
        for entry_id, fields in page:
            cursor = entry_id.decode()
            if order_of(cursor) > end:
                behind += 1
                walk.witness((entry_id, fields))
                continue
            both += 1
            if archive.entry(cursor) != fields:
                number = archive.number_of(cursor) or 1
                raise _Found(number, segment_name(number), f"it was written anew: the log has another entry {cursor}")
    _compare_waiting(walk, log)
    told = Checkpoint.of_hash(reader.call("HGETALL", keys.checkpoint), keys.checkpoint)
    if told and told.archive_head and told.archive_head not in walk.hashes:
        number = archive.number_of(told.archive_last_id) or len(walk.hashes) + 1
        walk.check_hash(number, told.archive_head, "the projection's checkpoint")
    gone = (facts.added or 0) - last.total - walk.lost - behind
    if facts.added is not None and gone:
        cure = command_for(keys.namespace, "rebuild --archive WHERE")
        found = (
            f"{counted(gone, 'entry', 'entries')} of the log are neither in it nor archived, nor accepted as lost"
            if gone > 0
            else f"{counted(-gone, 'entry of it', 'entries of it')} the server has lost, or it has another log; have "
            f"them projected with: {cure}"
        )
        raise _Found(None, "", found)
    return f"{counted(both, 'entry', 'entries')} in both, all equal; {behind} behind the archive's end, none missing"


def _compare_waiting(walk: _Walk, log: Log) -> None:
    """Check that a segment without a manifest has what the log has behind the archive's end."""
    number, cursor, rest = len(walk.hashes) + 1, walk.last.last_id if walk.last else "", walk.waiting
    while rest:
        page = log.after(cursor, min(len(rest), _PAGE))
        for entry, (raw_id, fields) in zip(rest, page, strict=False):
            if entry != (raw_id, fields):
                raise _not_of_the_log(number, raw_id, entry)
        if not page:
            raise _not_of_the_log(number, None, rest[0])
        cursor, rest = page[-1][0].decode(), rest[len(page) :]


def _not_of_the_log(number: int, expected: bytes | None, found: Entry) -> _Found:
    log_has = f"entry {expected.decode()}" if expected else "none"
    why = f"it has no manifest, and where the log has {log_has}, it has another entry, {found[0].decode()}"
    return _one_too_many(number, segment_name(number), why)
