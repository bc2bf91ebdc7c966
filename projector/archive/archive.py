"""The archive of a log, read: the chain of manifests, pages of entries, single entries. Nothing here writes."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from hashlib import sha256

from producer.log import Entry
from projector.archive.line import entry_of
from projector.archive.manifest import Manifest, manifest_name, manifest_of, segment_name
from projector.archive.place import Place, place_of
from projector.archive.segment import unpacked
from projector.entry_id import order_of
from projector.errors import ArchiveDamaged

_is_manifest = re.compile(r"[0-9]{9,}\.json").fullmatch


class Archive:
    """The archive of the log of `namespace` at `place`, as it was at the first question, or at the last `refresh`.

    Every method raises ArchiveUnavailable while the place cannot be read, and ArchiveDamaged for a file that no
    archiver wrote; the text names the file.
    """

    def __init__(self, place: Place, namespace: str) -> None:
        self.place = place
        self.namespace = namespace
        self._count: int | None = None
        self._manifests: dict[int, Manifest] = {}
        self._in_hand: _Segment | None = None  # so that who reads on decodes each segment once

    @classmethod
    def at(cls, where: str, namespace: str) -> Archive:
        """The archive at `where`, a directory or a URL of fsspec. Raises as `place_of` does."""
        return cls(place_of(where, namespace), namespace)

    @property
    def count(self) -> int:
        """How many segments there are."""
        if self._count is None:
            numbers = sorted(int(name[:-5]) for name in self.place.names("manifests") if _is_manifest(name))
            for expected, number in enumerate(numbers, 1):
                if number != expected:
                    raise self.damaged(manifest_name(expected), "it is not there, and later ones are")
            self._count = len(numbers)
        return self._count

    def refresh(self) -> None:
        """Look anew for manifests with the next question."""
        self._count = None

    def newest(self) -> Manifest | None:
        return self.manifest(self.count) if self.count else None

    @property
    def head(self) -> str:
        """The hash of the newest manifest; empty for an empty archive."""
        newest = self.newest()
        return newest.hash if newest else ""

    @property
    def last_id(self) -> str:
        """The id of the last entry that is archived; empty if none is."""
        newest = self.newest()
        return newest.last_id if newest else ""

    def manifest(self, number: int) -> Manifest:
        """The manifest of segment `number`, from 1 to `count`."""
        if number not in self._manifests:
            name = manifest_name(number)
            try:
                manifest, _ = manifest_of(self.place.read(name))
            except ValueError as error:
                raise self.damaged(name, str(error)) from error
            if (manifest.number, manifest.namespace) != (number, self.namespace):
                found = f"segment {manifest.number} of namespace {manifest.namespace}"
                raise self.damaged(name, f"expected segment {number} of namespace {self.namespace}, found {found}")
            self._manifests[number] = manifest
        return self._manifests[number]

    def manifests(self) -> Iterator[Manifest]:
        """All manifests in order; raises ArchiveDamaged where the chain is broken."""
        previous = None
        for number in range(1, self.count + 1):
            manifest = self.manifest(number)
            if manifest.previous != previous:
                expected = f"the hash {previous} of the manifest before"
                raise self.damaged(manifest_name(number), f"expected {expected}, found {manifest.previous}")
            yield manifest
            previous = manifest.hash

    def entries(self, number: int) -> list[Entry]:
        """The entries of segment `number`, from 1 to `count`."""
        manifest, name = self.manifest(number), segment_name(number)
        content = self.place.read(name)
        found = sha256(content).hexdigest()
        if found != manifest.sha256:
            raise self.damaged(name, f"expected SHA-256 {manifest.sha256}, found {found}")
        try:
            return [entry_of(line) for line in unpacked(content)]
        except ValueError as error:
            raise self.damaged(name, str(error)) from error

    def after(self, entry_id: str, count: int, *, last: str = "+") -> list[Entry]:
        """The first `count` entries behind `entry_id` (empty: from the beginning), none of them behind `last`."""
        found: list[Entry] = []
        number = self._first_ending_at(entry_id, behind=True) if entry_id else 1
        while number <= self.count and len(found) < count:
            segment = self._segment(number)
            start = bisect_right(segment.orders, order_of(entry_id)) if entry_id else 0
            end = len(segment.orders) if last == "+" else bisect_right(segment.orders, order_of(last))
            found += segment.entries[start : min(end, start + count - len(found))]
            if end < len(segment.orders):
                break
            number += 1
        return found

    def before(self, entry_id: str, count: int, *, first: str = "-") -> list[Entry]:
        """The last `count` entries before `entry_id` (empty: to the end), newest first, none before `first`."""
        found: list[Entry] = []
        lowest = (0, 0) if first == "-" else order_of(first)
        number = min(self._first_ending_at(entry_id), self.count) if entry_id else self.count
        while number and len(found) < count and self._end_of(number) >= lowest:
            segment = self._segment(number)
            end = bisect_left(segment.orders, order_of(entry_id)) if entry_id else len(segment.orders)
            start = max(bisect_left(segment.orders, lowest), end - (count - len(found)))
            found += reversed(segment.entries[start:end])
            number -= 1
        return found

    def entry(self, entry_id: str) -> list[bytes] | None:
        """The names and values of one entry; None where it is not there."""
        number = self.number_of(entry_id)
        if number is None:
            return None
        segment = self._segment(number)
        at = bisect_left(segment.orders, order_of(entry_id))
        found_id, fields = segment.entries[at]
        return fields if found_id.decode() == entry_id else None

    def number_of(self, entry_id: str) -> int | None:
        """The number of the segment that has `entry_id`, if any has it; None for an id behind all segments."""
        number = self._first_ending_at(entry_id)
        return number if number <= self.count else None

    def damaged(self, name: str, found: str) -> ArchiveDamaged:
        """The error for the file `name`, in which `found` was found."""
        return ArchiveDamaged(f"{self.place}/{name}: {found}; projector archive verify tells what else is damaged")

    def _first_ending_at(self, entry_id: str, *, behind: bool = False) -> int:
        """The number of the first segment that ends at `entry_id` or behind it (only `behind`), or `count` + 1."""
        bisect = bisect_right if behind else bisect_left
        return bisect(range(1, self.count + 1), order_of(entry_id), key=self._end_of) + 1

    def _end_of(self, number: int) -> tuple[int, int]:
        return order_of(self.manifest(number).last_id)

    def _segment(self, number: int) -> _Segment:
        if self._in_hand is None or self._in_hand.number != number:
            self._in_hand = _Segment(number, self.entries(number))
        return self._in_hand


class _Segment:
    """A segment in memory, with the orders of its ids."""

    def __init__(self, number: int, entries: list[Entry]) -> None:
        self.number = number
        self.entries = entries
        self.orders = [order_of(entry_id.decode()) for entry_id, _ in entries]
