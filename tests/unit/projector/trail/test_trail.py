"""The trail over an archive in a directory and a stream in memory, at every boundary, while both move."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producer.log import Entry, Log
from projector.archive.archive import Archive
from projector.trail import Trail
from tests.support.archives import seal
from tests.support.stream import Stream

ENTRIES: list[Entry] = [(b"%d-%d" % (9 + at // 3, 8 + at % 3), [b"op", b"%d" % at]) for at in range(12)]
IDS = [entry_id.decode() for entry_id, _ in ENTRIES]


def pages(trail: Trail, size: int, *, last: str = "+") -> list[Entry]:
    """All entries up to `last`, by pages that a reader asks for one after the other."""
    found: list[Entry] = []
    while page := trail.after(found[-1][0].decode() if found else "", size, last=last):
        assert len(page) <= size
        found += page
        if found[-1][0].decode() == last:
            break
    return found


def pages_back(trail: Trail, size: int, *, first: str = "-") -> list[Entry]:
    """All entries down to `first`, newest first, in the same way."""
    found: list[Entry] = []
    while page := trail.before(found[-1][0].decode() if found else "", size, first=first):
        assert len(page) <= size
        found += page
    return found


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archives")


@settings(max_examples=50, deadline=None)
@given(
    archived=st.lists(st.integers(1, 5), max_size=4),
    trimmed=st.integers(0, 11),
    size=st.integers(1, 13),
    last=st.integers(0, 12),
)
def test_pages_run_from_the_archive_into_the_stream(
    archived: list[int], trimmed: int, size: int, last: int, places: Path
) -> None:
    archive = Archive.at(str(places / "-".join(map(str, archived))), "ns")
    at = sum(archived[: archive.count])
    for count in archived[archive.count :]:
        if ENTRIES[at : at + count]:
            seal(archive, ENTRIES[at : at + count])
        at += count
    stream = Stream(ENTRIES[min(trimmed, max(0, at - 1)) :])
    trail = Trail(Log(stream.call, "ns"), archive)
    if last == len(ENTRIES):
        assert pages(trail, size) == ENTRIES
    else:
        assert pages(trail, size, last=IDS[last]) == ENTRIES[: last + 1]
        assert pages_back(trail, size, first=IDS[last]) == ENTRIES[last:][::-1]
    assert pages_back(trail, size) == ENTRIES[::-1]
    assert [trail.entry(entry_id) for entry_id in IDS] == [fields for _, fields in ENTRIES]
    assert trail.entry("1-1") is None


@pytest.mark.parametrize("size", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("begun", [0, 4])
def test_what_is_archived_and_trimmed_between_two_pages_is_found(tmp_path: Path, begun: int, size: int) -> None:
    """Ahead of every answer of the server the archiver seals two more entries, and all but the last are trimmed."""
    archive, ours = Archive.at(str(tmp_path), "ns"), Archive.at(str(tmp_path), "ns")
    if begun:
        seal(archive, ENTRIES[:begun])
    stream = Stream(ENTRIES[:])

    def move() -> None:
        newest = archive.newest()
        at = newest.total if newest else 0
        if ENTRIES[at : at + 2]:
            seal(archive, ENTRIES[at : at + 2])
        del stream.entries[: max(0, len(stream.entries) - len(ENTRIES[at + 1 :]))]

    stream.before = move
    assert pages(Trail(Log(stream.call, "ns"), ours), size) == ENTRIES
    assert pages_back(Trail(Log(stream.call, "ns"), ours), size) == ENTRIES[::-1]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("begun", [0, 4])
def test_backwards_it_is_found_as_well(tmp_path: Path, begun: int, size: int) -> None:
    """The same, from the end on: the stream is short before the reader comes to its beginning."""
    archive, ours = Archive.at(str(tmp_path), "ns"), Archive.at(str(tmp_path), "ns")
    if begun:
        seal(archive, ENTRIES[:begun])
    assert ours.count == bool(begun)  # it knows no segment that is sealed from now on
    stream = Stream(ENTRIES[:])
    trail = Trail(Log(stream.call, "ns"), ours)

    def move() -> None:
        newest = archive.newest()
        at = newest.total if newest else 0
        if ENTRIES[at : at + 3]:
            seal(archive, ENTRIES[at : at + 3])
        del stream.entries[: max(0, len(stream.entries) - len(ENTRIES[at + 2 :]))]

    stream.before = move
    assert pages_back(trail, size) == ENTRIES[::-1]


def test_without_an_archive_it_is_the_stream() -> None:
    trail = Trail(Log(Stream(ENTRIES[3:]).call, "ns"))
    assert pages(trail, 4) == ENTRIES[3:]
    assert pages_back(trail, 4) == ENTRIES[:2:-1]
    assert trail.entry(IDS[0]) is None


def test_an_entry_that_somebody_deleted_ends_nothing(tmp_path: Path) -> None:
    archive = Archive.at(str(tmp_path), "ns")
    seal(archive, ENTRIES[:4])
    trail = Trail(Log(Stream(ENTRIES[6:]).call, "ns"), archive)
    assert pages(trail, 2) == ENTRIES[:4] + ENTRIES[6:]
    assert pages_back(trail, 2) == (ENTRIES[:4] + ENTRIES[6:])[::-1]
