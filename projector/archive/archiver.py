"""The archiver: writes the entries that are projected, and not yet archived, to segments.

First the segment, then its manifest, which makes it count, then `archive_sealed` in the log. After a crash between
these the next archiver goes on: it compares a segment without a manifest with the log and makes its manifest, and
tells the log of a manifest that it was not told of. Two archivers at once do no harm: neither replaces a file.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from producer.connection.client import Client
from producer.connection.wire import send_once
from producer.log import Entry, Log, LogFacts
from producer.text.wording import counted
from producer.wal import OP
from projector.archive.archive import Archive
from projector.archive.draft import Draft
from projector.archive.line import entry_of
from projector.archive.manifest import Manifest, manifest_name, sealing_of, segment_name
from projector.archive.segment import packed, unpacked
from projector.bounds import Bounds
from projector.checkpoint import Checkpoint
from projector.connection.reader import Reader
from projector.connection.translation import translation_of
from projector.entry_id import order_of
from projector.errors import ArchiveDamaged, ServerUnavailable, command_for
from projector.keys import Keys

if TYPE_CHECKING:
    from projector.archive.signature import Signer

_log = logging.getLogger("projector")

_PAGE_ENTRIES, _PAGE_BYTES = 1000, 4 << 20
_LOOK_BACK = 100
"""In so many of the newest entries the archiver looks for what an archiver before it told the log."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What `once` has archived: `entries` in `segments`. The archive ends at the entry `last_id`, and has `head`."""

    entries: int
    segments: int
    head: str
    last_id: str


class Archiver:
    """Archives the log of `archive.namespace`, read by `client`, signed if there is a `signer`. A segment
    is sealed `seal_after` seconds after its first entry was read, if it was not full before.

    Every method raises what the archive does, ServerUnavailable and ServerRefused, and ArchiveDamaged for an archive
    of another log. Any call may be repeated.
    """

    def __init__(
        self,
        client: Client,
        archive: Archive,
        *,
        signer: Signer | None = None,
        seal_after: float = 600.0,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.archive = archive
        self.bounds: Bounds | None = None
        """Those of the projection, as far as they are known to this version."""
        self._keys = Keys(archive.namespace)
        self._client = client
        self._reader = Reader(client, self._keys.wal)
        self._log = Log(self._reader.call, archive.namespace)
        self._signer = signer
        self._seal_after = seal_after
        self._clock = clock
        self._monotonic = monotonic
        self._draft = Draft()
        self._since: float | None = None  # when the draft got something worthwhile
        self._page = _PAGE_ENTRIES
        self._told: str | None = None  # up to which entry the log was told; None: not yet looked

    @property
    def archived_to(self) -> str:
        """The last entry of which it is known that this log's archive has it; empty before the first step."""
        return "" if self._told is None else self.archive.last_id

    def once(self, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Archived:
        """Archive every entry up to the checkpoint of now. `progress` gets the entries done, and their number."""
        checkpoint = self._begin()
        start, segments = self._total, self.archive.count
        while self._advance(checkpoint.last_id, everything=True):
            done = self._total - start
            progress(done, max(done, checkpoint.entries - start))
        self._tell()
        return Archived(self._total - start, self.archive.count - segments, self.archive.head, self.archive.last_id)

    def step(self, *, everything: bool = False) -> bool:
        """Read on, and seal a segment if one is due; whether one was sealed, or there is more to read.

        Due is a full one, one whose oldest entry has waited for `seal_after`, and with `everything` any.
        """
        checkpoint = self._begin() if self._told is None else self._checkpoint()
        moved = self._advance(checkpoint.last_id, everything=everything)
        try:
            self._tell()
        except ServerUnavailable:
            if not moved:  # a server whose memory is full refuses it, and needs the archive the more
                raise
        return moved

    def _begin(self) -> Checkpoint:
        """Check that the archive is this log's, and that nothing is in neither."""
        checkpoint, archive = self._checkpoint(), self.archive
        archive.refresh()
        newest = archive.newest()
        told = checkpoint.archive_last_id
        if told:
            number = archive.number_of(told)
            manifest = archive.manifest(number) if number else None
            if manifest is None or (manifest.last_id, manifest.hash) != (told, checkpoint.archive_head):
                raise self._another(f"the log knows the head {checkpoint.archive_head} at entry {told}")
        if self._total < checkpoint.trimmed:
            trimmed = counted(checkpoint.trimmed, "entry was", "entries were")
            accept = command_for(archive.namespace, 'rebuild --archive WHERE --accept-loss "why"')
            found = f"{trimmed} trimmed from the log, and {self._total:,} are archived here"
            raise self._another(f"{found} (what no archive has is put on record as lost with: {accept})")
        if newest:
            self._check_end(newest, told)
            facts = self._log.facts()
            if facts and order_of(facts.last_id) < order_of(newest.last_id):
                # The log has lost the archive's end, in a failover. If the new server's clock is behind, new entries
                # would get ids before that end: nobody would archive them, and a trim would take them.
                self._send("XSETID", self._keys.wal, newest.last_id)
                self._check_end(newest, told)  # some may have come before that
            if facts and facts.added is not None:
                self._say_what_was_lost(facts, newest, checkpoint.lost)
            head = newest.hash.encode()  # the log may have been told, and nobody has folded that yet
            if any(head in word for _, fields in self._log.newest(_LOOK_BACK) for word in fields):
                told = newest.last_id
        self._told = told
        return checkpoint

    def _check_end(self, newest: Manifest, told: str) -> None:
        """Check that the log goes on where the archive ends.

        No trim takes the last entry. A loss that was accepted, or a failover, may have taken it; then what is left
        before it has to be the same, else a trim would take what is not archived.
        """
        ends = self._log.newest(1, last=newest.last_id)
        same = all(self.archive.entry(raw_id.decode()) == fields for raw_id, fields in ends)
        if not same or not (told or ends):
            raise self._another(f"the log does not have its last entry, {newest.last_id}, or others before it")

    def _say_what_was_lost(self, facts: LogFacts, newest: Manifest, accepted: int) -> None:
        """Warn if the server lost entries after they were archived: then the projection lacks them, too."""
        behind = self._log.count_between(newest.last_id, last=facts.last_id)
        lost = newest.total + accepted + behind - (facts.added or 0)
        if lost > 0:
            cure = command_for(self.archive.namespace, "rebuild --archive WHERE")
            _log.warning(
                "the server has lost %s that the archive has, and the projection lacks them until: %s",
                counted(lost, "entry", "entries"),
                cure,
            )

    @property
    def _total(self) -> int:
        """How many entries are archived."""
        newest = self.archive.newest()
        return newest.total if newest else 0

    def _another(self, found: str) -> ArchiveDamaged:
        restore = command_for(self.archive.namespace, "restore --archive WHERE")
        return ArchiveDamaged(
            f"the archive at {self.archive.place} is not this log's: {found}; name this log's archive, or an empty "
            f"directory for a log from which nothing was trimmed; on a new server: {restore}"
        )

    def _checkpoint(self) -> Checkpoint:
        found = self._reader.call("HGETALL", self._keys.checkpoint)
        checkpoint = Checkpoint.of_hash(found, self._keys.checkpoint) or Checkpoint()
        with suppress(ValueError):
            self.bounds = checkpoint.bounds()
        return checkpoint

    def _advance(self, last_id: str, *, everything: bool) -> bool:
        more = self._read_on(last_id)
        draft = self._draft
        if draft.worthwhile and self._since is None:
            self._since = self._monotonic()
        waited = self._since is not None and self._monotonic() - self._since >= self._seal_after
        if draft.is_full or (draft.worthwhile and (waited or (everything and not more))):
            self._seal()
            return True
        return more

    def _read_on(self, last_id: str) -> bool:
        """Read a page into the draft, up to `last_id`; whether there is more."""
        after = self._draft.last_id or self.archive.last_id
        if not last_id or self._draft.is_full or (after and order_of(after) >= order_of(last_id)):
            return False
        page = self._log.after(after, self._page, last=last_id)
        for entry in page:
            if not self._draft.add(entry):
                return False
        more = len(page) == self._page
        size = sum(map(len, chain.from_iterable([fields for _, fields in page])))
        self._page = max(1, min(_PAGE_ENTRIES, _PAGE_BYTES * len(page) // max(1, size)))
        return more

    def _seal(self) -> None:
        """Write the draft's segment and its manifest, or another's segment if that was there first."""
        content = packed(self._draft.lines)
        manifest = self._draft.manifest(content, self.archive.namespace, self.archive.newest())
        if not self.archive.place.create(segment_name(manifest.number), content):
            manifest = self._adopted(manifest.number)
        line = manifest.line()
        signature = self._signer.sign(line) + b"\n" if self._signer else b""
        created = self.archive.place.create(manifest_name(manifest.number), line + b"\n" + signature)
        self.archive.refresh()
        if not created and self.archive.manifest(manifest.number) != manifest:
            raise self.archive.damaged(manifest_name(manifest.number), "it is not the one of its segment")
        self._draft, self._since = Draft(), None

    def _adopted(self, number: int) -> Manifest:
        """The manifest for a segment that has none yet: its archiver ended too early, or is at work."""
        name, draft = segment_name(number), Draft()
        content = self.archive.place.read(name)
        try:
            entries = [entry_of(line) for line in unpacked(content)]
        except ValueError as error:
            raise self._unfit(name, str(error)) from error
        for entry, expected in zip(entries, self._log_after(self.archive.last_id, len(entries)), strict=False):
            if entry != expected:
                raise self._unfit(name, f"expected entry {expected[0].decode()}, found {entry[0].decode()}")
            draft.add(entry)
        if len(draft.lines) != len(entries):
            raise self._unfit(name, f"of its {counted(len(entries), 'entry')} {len(draft.lines)} are in the log")
        return draft.manifest(content, self.archive.namespace, self.archive.newest())

    def _unfit(self, name: str, found: str) -> ArchiveDamaged:
        return ArchiveDamaged(
            f"{self.archive.place}/{name}: it has no manifest, and does not fit the log ({found}); if no other "
            "projector archives there, move the file away, and the next run writes it anew"
        )

    def _log_after(self, entry_id: str, count: int) -> Iterator[Entry]:
        while count and (page := self._log.after(entry_id, min(count, _PAGE_ENTRIES))):
            yield from ((raw_id, fields) for raw_id, fields in page)  # the server's are lists
            entry_id, count = page[-1][0].decode(), count - len(page)

    def _tell(self) -> None:
        """Append `archive_sealed`, if the log was not told of the newest manifest."""
        newest = self.archive.newest()
        if newest is None or newest.last_id == self._told:
            return
        operation = sealing_of(newest, at=int(self._clock() * 1000))
        self._send("XADD", self._keys.wal, "*", OP, operation)
        self._told = newest.last_id

    def _send(self, *command: str | bytes) -> None:
        """Send a command that writes to the log."""
        try:
            send_once(self._client, *command)
        except RedisError as error:
            raise translation_of(error, self._client, self._keys.wal) from error
