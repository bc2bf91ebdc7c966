"""What is to be projected, and how: told to other processes, and checked before anything starts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from producer.errors import UnusableServer
from projector.bounds import Bounds
from projector.errors import ProjectorError
from projector.fleet.making import Settings
from projector.fleet.processes import Order
from projector.retention import Retention


def settings(*namespaces: str, **more: object) -> Settings:
    chosen: dict[str, object] = {
        "url": "redis://:secret@localhost:6379/0",
        "bounds": Bounds(max_entries=7),
        "lease_ttl": 5.0,
        "retention": Retention(age_ms=1000, entries=3),
        "seal_after": 600.0,
    }
    return msgspec.convert({"namespaces": namespaces, **chosen, **more}, Settings)


def test_another_process_gets_the_same_settings() -> None:
    order = Order(number=2, settings=settings("team-*", "billing", archive="/archive", sign_key="/key"))
    assert msgspec.json.decode(msgspec.json.encode(order), type=Order) == order


def test_one_name_is_told_from_several_and_from_a_glob() -> None:
    assert settings("otters").only == settings("otters", "otters").only == "otters"
    assert settings("otters", "billing").only is settings("team-*").only is settings("otters", "b*").only is None


def test_a_bad_name_a_bad_place_and_a_bad_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableServer, match="expected a name, or a glob"):
        settings("team *").check()
    with pytest.raises(ProjectorError, match="of a kind that fsspec knows"):
        settings("team-*", archive="nosuch://bucket").check()
    with pytest.raises(Exception, match="absent"):
        settings("otters", archive=str(tmp_path), sign_key=str(tmp_path / "absent")).check()


def test_what_is_not_to_be_archived_has_no_companion(tmp_path: Path) -> None:
    kept = Retention(entries=3, without_archive=True)
    assert settings("otters", archive=str(tmp_path), retention=kept).companion_of("otters", None) is None
    assert settings("otters").companion_of("otters", None) is None
    assert settings("otters", archive=str(tmp_path)).companion_of("otters", None) is not None
