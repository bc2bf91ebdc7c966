"""A draft: the entries that the next segment will hold, as lines, with what its manifest will tell of them."""

from __future__ import annotations

from hashlib import sha256

from producer.errors import UndecodableOperation
from producer.log import Entry
from producer.operations import ArchiveSealed, decode
from producer.wal import OP
from projector.archive.line import line_of
from projector.archive.manifest import Manifest
from projector.archive.merkle import root_of
from projector.archive.segment import MAX_BYTES, MAX_ENTRIES


class Draft:
    """Grows by one entry after the other."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.first_id = ""
        self.last_id = ""
        self.worthwhile = False
        """Whether an entry is more than an archiver's `archive_sealed`. A segment of these would beget the next."""
        self.is_full = False
        self._bytes = 0
        self._least: int | None = None
        self._greatest: int | None = None

    def add(self, entry: Entry) -> bool:
        """Take `entry` in; False if it does not fit. The first one fits, whatever its size."""
        line = line_of(entry)
        size = self._bytes + len(line) + 1
        self.is_full = len(self.lines) >= MAX_ENTRIES or (size > MAX_BYTES and bool(self.lines))
        if self.is_full:
            return False
        self.lines.append(line)
        self._bytes = size
        self.last_id = entry[0].decode()
        self.first_id = self.first_id or self.last_id
        self._note(entry[1])
        return True

    def manifest(self, content: bytes, namespace: str, before: Manifest | None) -> Manifest:
        """The manifest of the segment behind `before`, whose file `content` holds the lines."""
        return Manifest(
            namespace=namespace,
            number=before.number + 1 if before else 1,
            first_id=self.first_id,
            last_id=self.last_id,
            entries=len(self.lines),
            total=len(self.lines) + (before.total if before else 0),
            bytes=len(content),
            least_time=self._least,
            greatest_time=self._greatest,
            sha256=sha256(content).hexdigest(),
            root=root_of(self.lines),
            previous=before.hash if before else None,
        )

    def _note(self, fields: list[bytes]) -> None:
        try:
            operation = decode(fields[1 + 2 * fields[::2].index(OP)])
        except (ValueError, UndecodableOperation):  # for the quarantine: no operation, so no time
            self.worthwhile = True
            return
        self.worthwhile = self.worthwhile or not isinstance(operation, ArchiveSealed)
        _, moment = operation.moment
        self._least = moment if self._least is None else min(self._least, moment)
        self._greatest = moment if self._greatest is None else max(self._greatest, moment)
