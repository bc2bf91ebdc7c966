"""Reading an archive: its chain, pages that run across segments, single entries, and what is damaged."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from producer.log import Entry
from projector.archive.archive import Archive
from projector.archive.line import line_of
from projector.archive.manifest import Manifest, manifest_name, manifest_of, segment_name
from projector.archive.segment import packed
from projector.errors import ArchiveDamaged

ENTRIES: list[Entry] = [
    (b"%d-%d" % pair, [b"op", b"{}"]) for pair in [(1, 0), (1, 9), (1, 10), (5, 0), (7, 3), (8, 0)]
]
IDS = [entry_id.decode() for entry_id, _ in ENTRIES]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Three segments of two entries."""
    archive, previous = Archive.at(str(tmp_path), "ns"), None
    for number in (1, 2, 3):
        entries = ENTRIES[2 * number - 2 : 2 * number]
        content = packed(map(line_of, entries))
        manifest = Manifest(
            namespace="ns",
            number=number,
            first_id=entries[0][0].decode(),
            last_id=entries[-1][0].decode(),
            entries=2,
            total=2 * number,
            bytes=len(content),
            least_time=None,
            greatest_time=None,
            sha256=sha256(content).hexdigest(),
            root="0" * 64,
            previous=previous,
        )
        archive.place.create(segment_name(number), content)
        archive.place.create(manifest_name(number), manifest.line() + b"\n")
        previous = manifest.hash
    return archive


def test_an_empty_archive_has_nothing(tmp_path: Path) -> None:
    archive = Archive.at(str(tmp_path / "none"), "ns")
    assert (archive.count, archive.newest(), archive.head, archive.last_id) == (0, None, "", "")
    assert archive.after("", 5) == []
    assert archive.entry("1-0") is None


def test_pages_run_across_segments_and_end_at_the_last_id(archive: Archive) -> None:
    assert archive.after("", 100) == ENTRIES
    assert archive.last_id == "8-0"
    for at, entry_id in enumerate(IDS):
        assert archive.after(entry_id, 3) == ENTRIES[at + 1 : at + 4]
        assert archive.after("", 100, last=entry_id) == ENTRIES[: at + 1]
    assert archive.after("0-1", 1) == ENTRIES[:1]
    assert archive.after("2-0", 2, last="6-0") == ENTRIES[3:4]


def test_an_entry_is_found_by_its_id(archive: Archive) -> None:
    assert [archive.entry(entry_id) for entry_id in IDS] == [fields for _, fields in ENTRIES]
    assert [archive.entry(entry_id) for entry_id in ("0-1", "1-1", "6-0", "9-0")] == [None] * 4


def test_reading_on_decodes_each_segment_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    place_read = archive.place.read

    def noting(name: str) -> bytes:
        read.append(name)
        return place_read(name)

    monkeypatch.setattr(archive.place, "read", noting)
    entry_id, found = "", 0
    while page := archive.after(entry_id, 1):
        entry_id, found = page[-1][0].decode(), found + 1
    assert found == len(ENTRIES)
    assert len(read) == len(set(read)) == 6


def test_a_hole_a_changed_segment_and_a_broken_chain_are_named(archive: Archive, tmp_path: Path) -> None:
    segment, manifest = (tmp_path / "ns" / name(2) for name in (segment_name, manifest_name))
    good, line = segment.read_bytes(), manifest.read_bytes()
    segment.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(ArchiveDamaged, match=r"segments/000000002\.jsonl\.zst: expected SHA-256"):
        archive.after("", 100)
    segment.write_bytes(good)
    other, _ = manifest_of(line)
    manifest.write_bytes(line.replace(other.sha256.encode(), b"0" * 64))
    with pytest.raises(ArchiveDamaged, match=r"manifests/000000003\.json: expected the hash"):
        list(Archive.at(str(tmp_path), "ns").manifests())
    manifest.write_bytes(line[:-9])
    with pytest.raises(ArchiveDamaged, match=r"manifests/000000002\.json: "):
        list(Archive.at(str(tmp_path), "ns").manifests())
    manifest.unlink()
    with pytest.raises(ArchiveDamaged, match=r"manifests/000000002\.json: it is not there, and later ones are"):
        Archive.at(str(tmp_path), "ns").newest()


def test_a_manifest_is_read_as_it_was_written_with_its_signature_and_no_other_way(archive: Archive) -> None:
    line = archive.manifest(1).line()
    assert manifest_of(line + b'\n{"signature":""}\n') == (archive.manifest(1), b'{"signature":""}')
    for other in (line.replace(b":", b": "), line.replace(b'"version":1', b'"version":2'), b"{}", b"", b"\xff"):
        with pytest.raises(ValueError, match=r"."):
            manifest_of(other)
