"""Archives for the tests, sealed segment by segment without an archiver or a server, and what is read of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from producer.log import Entry
from projector.archive.archive import Archive
from projector.archive.draft import Draft
from projector.archive.manifest import Manifest, manifest_name, segment_name
from projector.archive.segment import packed
from projector.archive.signature import Signer


def seal(archive: Archive, entries: Sequence[Entry], signer: Signer | None = None) -> Manifest:
    """Put `entries` as the next segment into `archive`."""
    archive.refresh()
    before = archive.newest()
    draft = Draft()
    for entry in entries:
        assert draft.add(entry)
    content = packed(draft.lines)
    manifest = draft.manifest(content, archive.namespace, before)
    line = manifest.line()
    assert archive.place.create(segment_name(manifest.number), content)
    assert archive.place.create(manifest_name(manifest.number), line + b"\n" + (signer.sign(line) if signer else b""))
    archive.refresh()
    return manifest


def segments_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets the number of each segment that is read from now on."""
    read: list[int] = []
    entries = Archive.entries

    def noting(archive: Archive, number: int) -> list[Entry]:
        read.append(number)
        return entries(archive, number)

    monkeypatch.setattr(Archive, "entries", noting)
    return read
