"""Snapshots in a directory: the newest usable one, bad ones passed over, the schedule, and how many stay."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from producer.log import Entry
from projector.archive.archive import Archive
from projector.bounds import Bounds
from projector.fold.fold import fold_page
from projector.fold.history import History
from projector.snapshot import Snapshots
from tests.support.archives import seal, segments_read
from tests.support.fold.logs import TINY, cleaned, completed, entry, projection_of, started


def entries(first: int, count: int) -> list[Entry]:
    """Entries with ids from `first` seconds on, a second each."""
    operations = [started("a"), completed("a"), cleaned("s"), b"{", completed("b", success=False)]
    return [
        (b"%d-0" % (1000 * number), entry(operations[number % 5], by="p", seq=number, acked=0))
        for number in range(first, first + count)
    ]


def folded_from_the_first(archive: Archive, bounds: Bounds = TINY) -> History:
    history = History(bounds)
    for number in range(1, archive.count + 1):
        fold_page(history, archive.entries(number))
    return history


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive.at(str(tmp_path), "ns")
    seal(archive, entries(1, 7))
    seal(archive, entries(8, 5))
    return archive


@pytest.fixture
def snapshots(archive: Archive) -> Snapshots:
    return Snapshots(archive.place)


def newest(archive: Archive, snapshots: Snapshots, bounds: Bounds = TINY, *, last: str = "") -> str:
    """Where the newest usable snapshot stands."""
    history = snapshots.newest(archive, bounds, last=last)
    return history.checkpoint.last_id if history else ""


def test_a_snapshot_is_the_history_after_the_last_segment(archive: Archive, snapshots: Snapshots) -> None:
    assert snapshots.newest(archive, TINY) is None
    assert snapshots.take(archive, TINY) == 2
    history = snapshots.newest(archive, TINY)
    assert history is not None
    assert projection_of(history) == projection_of(folded_from_the_first(archive))


def test_a_later_one_is_made_from_the_one_before(
    archive: Archive, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.take(archive, TINY)
    seal(archive, entries(13, 4))
    read = segments_read(monkeypatch)
    snapshots.take(archive, TINY)
    assert read == [3]
    history = snapshots.newest(archive, TINY)
    assert history is not None
    assert projection_of(history) == projection_of(folded_from_the_first(archive))


def test_other_bounds_pass_over_a_snapshot_and_take_its_place(
    archive: Archive, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots.take(archive, TINY)
    assert newest(archive, snapshots, Bounds()) == ""
    assert caplog.records == []
    snapshots.take(archive, Bounds())
    assert newest(archive, snapshots, Bounds()) == "12000-0"
    assert newest(archive, snapshots) == ""


def test_another_schema_passes_over_a_snapshot(
    archive: Archive, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.take(archive, TINY)
    monkeypatch.setattr("projector.snapshot.snapshots.SCHEMA", "another")
    assert newest(archive, snapshots) == ""


def test_one_behind_the_entry_asked_for_is_passed_over(archive: Archive, snapshots: Snapshots) -> None:
    snapshots.take(archive, TINY)
    seal(archive, entries(13, 4))
    snapshots.take(archive, TINY)
    assert newest(archive, snapshots, last="16000-0") == "16000-0"
    assert newest(archive, snapshots, last="15999-0") == "12000-0"
    assert newest(archive, snapshots, last="9-0") == ""


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a flipped byte": lambda raw: raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:],
    "truncated": lambda raw: raw[:-9],
    "empty": lambda _: b"",
    "a header alone": lambda raw: raw.partition(b"\n")[0],
    "no header": lambda raw: raw.partition(b"\n")[2],
    "a header of another form": lambda raw: raw.replace(b'"head":', b'"heads":'),
    "a version to come": lambda raw: raw.replace(b'"version":1', b'"version":2'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_bad_snapshot_is_reported_and_the_one_before_is_used(
    damage: Callable[[bytes], bytes],
    archive: Archive,
    snapshots: Snapshots,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    snapshots.take(archive, TINY)
    seal(archive, entries(13, 4))
    snapshots.take(archive, TINY)
    file = tmp_path / "ns" / "snapshots" / "000000003.snapshot"
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert file.read_bytes() != whole
    assert newest(archive, snapshots) == "12000-0"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"{file} is passed over: ")
    snapshots.take(archive, TINY)
    assert newest(archive, snapshots) == "16000-0"


def test_one_of_another_chain_is_reported_and_passed_over(
    archive: Archive, snapshots: Snapshots, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots.take(archive, TINY)
    other = Archive.at(str(tmp_path / "other"), "ns")
    seal(other, entries(1, 5))
    for file in (tmp_path / "ns" / "snapshots").iterdir():
        other.place.create(f"snapshots/{file.name}", file.read_bytes())
    assert newest(other, Snapshots(other.place)) == ""
    seal(other, entries(6, 7))
    assert newest(other, Snapshots(other.place)) == ""
    first, second = [record.getMessage().partition(": ")[2] for record in caplog.records]
    assert "manifests/000000002.json is not there" in first
    assert second.startswith("expected version, head of the archive and SHA-256 ")


def test_the_newest_three_stay(archive: Archive, snapshots: Snapshots, tmp_path: Path) -> None:
    for number in range(5):
        seal(archive, entries(13 + number, 1))
        snapshots.take(archive, TINY)
    assert sorted(int(file.stem) for file in (tmp_path / "ns" / "snapshots").iterdir()) == [5, 6, 7]


@pytest.mark.parametrize("broken_off", ["create", "remove"])
def test_a_snapshot_that_was_broken_off_is_made_up_for_by_the_next(
    archive: Archive, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch, broken_off: str
) -> None:
    for number in range(13, 17):
        seal(archive, entries(number, 1))
        if number < 16:
            snapshots.take(archive, TINY)

    def die(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archive.place, broken_off, die)
        with pytest.raises(KeyboardInterrupt):
            snapshots.take(archive, TINY)
    assert newest(archive, snapshots) == ("15000-0" if broken_off == "create" else "16000-0")
    snapshots.take(archive, TINY)
    assert newest(archive, snapshots) == "16000-0"
    assert len(archive.place.names("snapshots")) == 3


def test_one_is_due_after_a_day_with_news_or_after_a_million_entries(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = 24 * 3600
    snapshots = Snapshots(archive.place)
    assert not snapshots.is_due(Archive.at(str(tmp_path / "none"), "ns"))
    seal(archive, entries(day, 1))  # the first entry came in second 1
    assert not snapshots.is_due(archive)
    seal(archive, entries(day + 1, 1))
    assert snapshots.is_due(archive)
    snapshots.take(archive, TINY)
    assert not snapshots.is_due(archive)  # nothing is new
    seal(archive, entries(2 * day, 1))
    assert not snapshots.is_due(archive)
    seal(archive, entries(2 * day + 1, 1))
    assert snapshots.is_due(archive)
    snapshots.take(archive, TINY)
    seal(archive, entries(2 * day + 2, 4))
    assert not snapshots.is_due(archive)
    monkeypatch.setattr("projector.snapshot.snapshots._DUE_ENTRIES", 4)
    assert snapshots.is_due(archive)


def test_the_history_of_an_archive_goes_on_from_the_newest_snapshot(archive: Archive, snapshots: Snapshots) -> None:
    done: list[int] = []
    assert snapshots.history(archive, TINY, progress=done.append).checkpoint.last_id == "12000-0"
    assert done == [7, 12]
    snapshots.take(archive, TINY)
    seal(archive, entries(13, 4))
    history = snapshots.history(archive, TINY, progress=done.append)
    assert done == [7, 12, 16]
    assert projection_of(history) == projection_of(folded_from_the_first(archive))
    other = replace(TINY, max_entries=4)
    history = snapshots.history(archive, other)
    assert projection_of(history) == projection_of(folded_from_the_first(archive, other))
