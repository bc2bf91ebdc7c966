"""Places: a file is created once, whole or not at all; every failure is ArchiveUnavailable."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from uuid import uuid4

import pytest
from fsspec.registry import _registry

from projector.archive.place import Place, place_of
from projector.errors import ArchiveDamaged, ArchiveUnavailable, InvalidQuery
from tests.support.extras import lack_of


@pytest.fixture(params=["directory", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    where = str(tmp_path / "archive") if request.param == "directory" else f"memory://{uuid4()}/prefix/"
    return place_of(where, "ns")


def test_a_file_is_created_once_and_never_replaced(place: Place) -> None:
    assert place.names("segments") == []
    assert place.create("segments/2", b"two")
    assert place.create("segments/1", b"one")
    assert not place.create("segments/2", b"other")
    assert place.names("segments") == ["1", "2"]
    assert place.read("segments/2") == b"two"


def test_a_file_that_is_not_there_is_named(place: Place) -> None:
    with pytest.raises(ArchiveDamaged, match=r"/ns/segments/1 is not there"):
        place.read("segments/1")
    place.create("segments/1", b"")
    place.remove("segments/1")
    place.remove("segments/1")
    assert place.names("segments") == []


@pytest.mark.parametrize("namespace", [".", ".."])
def test_a_namespace_of_dots_is_no_way_out_of_the_directory(tmp_path: Path, namespace: str) -> None:
    place_of(str(tmp_path / "archive"), namespace).create("segments/1", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    assert len(list((tmp_path / "archive").iterdir())) == 1


def test_the_leftover_of_a_process_that_ended_is_removed_and_never_listed(tmp_path: Path) -> None:
    folder = tmp_path / "ns" / "segments"
    folder.mkdir(parents=True)
    (folder / ".1.0123.tmp").write_bytes(b"ha")
    place = place_of(str(tmp_path), "ns")
    assert place.names("segments") == []
    assert place.create("segments/1", b"whole")
    assert os.listdir(folder) == ["1"]


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_on_a_full_disk_nothing_is_there_and_the_next_attempt_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    place = place_of(str(tmp_path), "ns")
    place.create("segments/1", b"")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdopen" if call == "write" else call, full)
        with pytest.raises(ArchiveUnavailable, match="No space left on device"):
            place.create("segments/2", b"two")
    assert os.listdir(tmp_path / "ns" / "segments") == ["1"]
    assert place.create("segments/2", b"two")


def test_an_unknown_kind_of_url_is_refused_and_no_secret_is_shown() -> None:
    with pytest.raises(InvalidQuery, match=r"nowhere://host/x/ns") as caught:
        place_of("nowhere://me:s3cret@host/x", "ns")
    assert "s3cret" not in str(caught.value)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)  # another test has loaded it
    with pytest.raises(ArchiveUnavailable, match=re.escape(lack_of("s3fs", "s3"))):
        place_of("s3://bucket/prefix", "ns")
