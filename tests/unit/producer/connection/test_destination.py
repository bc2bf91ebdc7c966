"""What a producer or a command takes along of what others left, and what it leaves where it is."""

from __future__ import annotations

from typing import Literal

import pytest

from producer.connection.client import client_of
from producer.connection.destination import Destination
from producer.connection.location import DEFAULT_URL, Announcement, Location
from producer.connection.server import UNNAMED, Server

DB1, DB2 = Server("redis://db1:6379/0"), Server("redis://db2:6379/0")


def at(url: str, how: Literal["named", "found", "default"], *moved_from: Server) -> Destination:
    return Destination.at(Location(url=url, how=how), moved_from=moved_from)


def test_a_producer_takes_what_is_for_its_server_whatever_the_namespace() -> None:
    client, _ = client_of("redis://:secret@db1")
    destination = Destination.of(client)
    assert destination.recorded == DB1
    assert destination.takes(DB1, "otters")
    assert destination.takes(DB1, "other")
    assert not any(destination.takes(server, "otters") for server in (DB2, UNNAMED))


def test_a_namespace_can_be_picked() -> None:
    picked = Destination.at(Location(url="redis://db1", how="named"), namespace="a")
    assert picked.takes(DB1, "a")
    assert not picked.takes(DB1, "b")


def test_a_server_that_moved_is_taken_for_the_new_one_only_where_that_is_said() -> None:
    assert not at("redis://db2", "named").takes(DB1, "otters")
    moved = at("redis://db2", "named", DB1)
    assert moved.recorded == DB2
    assert moved.takes(DB1, "otters")
    assert not moved.takes(Server("redis://db3:6379/0"), "otters")


def test_where_no_server_was_named_and_none_was_found_it_is_for_the_next_that_is() -> None:
    assert at(DEFAULT_URL, "default").recorded == UNNAMED
    assert at("unix:///a.sock", "found").recorded == Server("unix:///a.sock?db=0")


@pytest.mark.parametrize(
    ("url", "how", "takes"),
    [
        ("unix:///a.sock", "found", True),
        (DEFAULT_URL, "default", True),
        (DEFAULT_URL, "named", True),  # the one that is used when none is named
        ("unix:///a.sock", "named", False),
        ("redis://db1", "named", False),
    ],
)
def test_what_is_for_no_server_by_name_goes_to_the_one_that_is_used_without_one(
    url: str, how: Literal["named", "found", "default"], takes: bool
) -> None:
    assert at(url, how).takes(UNNAMED, "otters") is takes


UP = Announcement(url="redis://127.0.0.1:7000/0", data="/data", started_at=2, socket="unix:///data/a.sock")
OLDER = Announcement(url="redis://127.0.0.1:8000/0", data="/older", started_at=1, socket="unix:///older/a.sock")


@pytest.mark.parametrize(
    ("url", "how"),
    [(UP.url, "found"), (UP.url, "named"), ("redis://localhost:7000", "named"), (str(UP.socket), "named")],
)
def test_an_embedded_server_takes_what_is_for_it_by_any_of_its_names(
    url: str, how: Literal["named", "found", "default"]
) -> None:
    destination = Destination.at(Location(url=url, how=how, running=(UP, OLDER)))
    for name in (Server(UP.url), Server("redis://localhost:7000/0"), Server("unix:///data/a.sock?db=0"), UNNAMED):
        assert destination.takes(name, "otters")
    for name in (Server(OLDER.url), Server("unix:///older/a.sock?db=0"), DB1, Server("redis://localhost:7000/1")):
        assert not destination.takes(name, "otters")


def test_an_embedded_server_that_is_older_takes_nothing_that_names_no_server() -> None:
    destination = Destination.at(Location(url=OLDER.url, how="named", running=(UP, OLDER)))
    assert destination.takes(Server("unix:///older/a.sock?db=0"), "otters")
    assert not destination.takes(UNNAMED, "otters")
