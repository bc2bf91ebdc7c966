"""The snapshots of an archive: taken on a schedule, and the newest that may be used."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.json import decode, encode

from projector.bounds import SCHEMA, Bounds
from projector.entry_id import milliseconds_of, order_of
from projector.errors import ArchiveDamaged, Damaged
from projector.fold.fold import fold_page
from projector.fold.history import History
from projector.keys import Keys
from projector.snapshot.body import packed, unpacked

if TYPE_CHECKING:  # the archiver takes snapshots
    from projector.archive.archive import Archive
    from projector.archive.place import Place

_VERSION = 1
_KEPT = 3
_FOLDER = "snapshots"
_DUE_ENTRIES = 1_000_000
_DUE_MS = 24 * 3600 * 1000

_is_snapshot = re.compile(r"[0-9]{9,}\.snapshot").fullmatch
_log = logging.getLogger("projector")


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of the file, JSON. The body behind it is the history after the segment whose manifest has the
    hash `head`; that manifest tells the namespace, the last entry and how many there are."""

    version: int = _VERSION
    head: str
    schema: str
    config: str
    sha256: str
    """Of the body."""


class Snapshots:
    """The snapshots at `place`. Every method raises ArchiveUnavailable while the place cannot be used."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def newest(self, archive: Archive, bounds: Bounds, *, last: str = "") -> History | None:
        """The history in the newest snapshot of `archive` with this version's schema and `bounds` (of those that do
        not stand behind the entry `last`, if it is given). A bad snapshot is logged, and passed over."""
        numbers = self._numbers()
        archive.refresh()  # its segment may be as new as the snapshot
        for number in numbers:
            try:
                header, body = self._read(number)
                if (header.schema, header.config) != (SCHEMA, bounds.config().decode()):
                    continue
                manifest = archive.manifest(number)
                if last and order_of(manifest.last_id) > order_of(last):
                    continue
                expected = (_VERSION, manifest.hash, sha256(body).hexdigest())
                found = (header.version, header.head, header.sha256)
                if found != expected:
                    raise ValueError(f"expected version, head of the archive and SHA-256 {expected}, found {found}")
                return unpacked(body, bounds, Keys(archive.namespace))
            except (ValueError, Damaged) as error:
                _log.warning("%s/%s is passed over: %s", self._place, _name(number), error)
        return None

    def history(
        self,
        archive: Archive,
        bounds: Bounds,
        *,
        progress: Callable[[int], None] = lambda _entries: None,
    ) -> History:
        """The history after all of `archive`: from the newest snapshot, else from the first segment. `progress` gets
        how many entries it has after each segment. Raises ArchiveDamaged if a segment cannot be folded."""
        history = self.newest(archive, bounds) or History(bounds)
        last_id = history.checkpoint.last_id
        first = (archive.number_of(last_id) or 0) + 1 if last_id else 1
        for number in range(first, archive.count + 1):
            fold_page(history, archive.entries(number))
            progress(history.checkpoint.entries)
        return history

    def is_due(self, archive: Archive) -> bool:
        """Whether a million entries, or those of a day, have been archived since the last snapshot."""
        newest = archive.newest()
        if newest is None:
            return False
        entries, since = 0, archive.manifest(1).first_id
        for number in self._numbers()[:1]:
            with suppress(ArchiveDamaged):  # then it is another archive's
                entries, since = archive.manifest(number).total, archive.manifest(number).last_id
        new, age_ms = newest.total - entries, milliseconds_of(newest.last_id) - milliseconds_of(since)
        return new >= _DUE_ENTRIES or (new > 0 and age_ms >= _DUE_MS)

    def take_if_due(self, archive: Archive, bounds: Bounds | None) -> None:
        """Take a snapshot, if one is due and the projection's bounds are known."""
        if bounds and self.is_due(archive):
            self.take(archive, bounds)

    def take(self, archive: Archive, bounds: Bounds) -> int:
        """Write the history after all of `archive`, which is not empty: the number of its last segment. The newest
        three snapshots stay; one of the same segment that this version with `bounds` cannot use makes room."""
        archive.refresh()
        history = self.history(archive, bounds)
        manifest = archive.newest()
        assert manifest is not None
        body = packed(history, Keys(archive.namespace))
        header = Header(
            head=manifest.hash,
            schema=SCHEMA,
            config=bounds.config().decode(),
            sha256=sha256(body).hexdigest(),
        )
        name, content = _name(manifest.number), encode(header) + b"\n" + body
        if not self._place.create(name, content):
            self._place.remove(name)
            self._place.create(name, content)
        for number in self._numbers()[_KEPT:]:
            self._place.remove(_name(number))
        return manifest.number

    def _numbers(self) -> list[int]:
        """The segments after which there are snapshots, the newest first."""
        return sorted((int(name[:-9]) for name in self._place.names(_FOLDER) if _is_snapshot(name)), reverse=True)

    def _read(self, number: int) -> tuple[Header, bytes]:
        line, _, body = self._place.read(_name(number)).partition(b"\n")
        return decode(line, type=Header), body


def _name(number: int) -> str:
    return f"{_FOLDER}/{number:09}.snapshot"
