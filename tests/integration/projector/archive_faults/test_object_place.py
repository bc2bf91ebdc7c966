"""An archive's place in a real S3-compatible store: whole or absent, never replaced, and trouble told in words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from projector.archive.place import Place, place_of
from projector.errors import ArchiveDamaged, ArchiveUnavailable
from tests.support.objects import ObjectStore, object_store
from tests.support.proxy import Fault

pytestmark = pytest.mark.server


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with object_store(monkeypatch) as opened:
        yield opened


@pytest.fixture
def place(store: ObjectStore) -> Place:
    return place_of(store.where, "otters")


def test_an_object_is_created_once_and_never_replaced(store: ObjectStore, place: Place) -> None:
    assert place.names("segments") == []
    assert place.create("segments/2", b"two")
    assert place.create("segments/1", b"one")
    assert not place.create("segments/1", b"other")
    assert place.names("segments") == ["1", "2"]
    assert place.read("segments/1") == b"one"
    assert store.objects() == {"otters/segments/1": b"one", "otters/segments/2": b"two"}
    place.remove("segments/2")
    place.remove("segments/2")
    assert place.names("segments") == ["1"]


def test_an_absent_object_is_named(place: Place, store: ObjectStore) -> None:
    with pytest.raises(ArchiveDamaged, match=f"{store.where}/otters/manifests/7 is not there"):
        place.read("manifests/7")


@pytest.mark.usefixtures("store")
def test_a_bucket_that_does_not_exist_is_unavailable() -> None:
    absent = place_of("s3://absent/prefix", "otters")
    assert absent.names("segments") == []
    with pytest.raises(ArchiveUnavailable, match="s3://absent/prefix/otters cannot be used"):
        absent.create("segments/1", b"one")


def test_a_store_that_is_away_is_unavailable_until_it_comes_back(store: ObjectStore, place: Place) -> None:
    place.create("segments/1", b"one")
    store.go_away()
    for use in (
        lambda: place.names("segments"),
        lambda: place.create("segments/2", b"two"),
    ):
        with pytest.raises(ArchiveUnavailable, match=store.where):
            use()
    store.come_back()
    assert place.create("segments/2", b"two")
    assert place.names("segments") == ["1", "2"]


def test_an_object_whose_acknowledgement_was_lost_is_there_whole_and_once(store: ObjectStore, place: Place) -> None:
    store.proxy.inject(Fault.CUT_REPLY, on=b"PUT ", times=1)
    try:
        place.create("segments/1", b"one")  # boto asks again, and is told that the object is there
    except ArchiveUnavailable:
        pass
    assert store.proxy.injected == 1
    assert place.read("segments/1") == b"one"
    assert not place.create("segments/1", b"other")
