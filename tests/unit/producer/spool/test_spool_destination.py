"""The file of a spool knows which server it is for: what is another's is left alone, whatever happens in between."""

from __future__ import annotations

import logging
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from producer import Producer, SpoolDamaged
from producer.cli.options import open_producer
from producer.connection.destination import Destination
from producer.connection.server import UNNAMED, Server
from producer.identity import Identity
from producer.spool import options
from producer.spool.directory import SpoolDirectory
from producer.spool.lock import SpoolLock
from producer.spool.spool_queue import SpoolQueue
from producer.spool.survey import Survey
from producer.terminal.options import LogAddress
from tests.support.spooling import AWAY, meant_for

HERE, THERE = "redis://here:6379/0", "redis://there:6379/0"
OLD = "redis://old:6379/0"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def left(place: Path, url: str = HERE, *, namespace: str = "otters") -> Path:
    """A file with an operation in it that was left for the server at `url`."""
    spool = SpoolDirectory(options.Spool(place, destination=meant_for(url))).create(Identity(), namespace)
    spool.append(b"{}", at=5)
    spool.close()
    return spool.path


def taken(place: Path, destination: Destination) -> list[Path]:
    """The files that a producer for `destination` takes along."""
    found = []
    for spool in SpoolDirectory(options.Spool(place, destination=destination)).leftovers():
        found.append(spool.path)
        spool.close()
    return found


def adopted(place: Path, destination: Destination) -> SpoolQueue:
    (spool,) = SpoolDirectory(options.Spool(place, destination=destination)).leftovers()
    return spool


def owed(place: Path) -> set[str]:
    """The servers that what waits is for."""
    return {server.url for server, _ in Survey.of(SpoolDirectory(place)).left_behind}


def without_note(path: Path) -> None:
    path.with_suffix(".lock").write_bytes(b"")


def moved_from(*servers: Server) -> Destination:
    """To the server HERE, which has taken their place."""
    here = Server(HERE)
    return Destination(server=here, recorded=here, others=servers)


# -- what is taken along --


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "not noted"])
def test_what_another_server_is_owed_is_left_to_it(place: Path, noted: bool) -> None:
    path = left(place, THERE)
    if not noted:
        without_note(path)
    assert taken(place, meant_for(HERE)) == []
    assert taken(place, meant_for(THERE)) == [path]


def test_each_server_s_producers_take_what_is_theirs(place: Path) -> None:
    here, there = {left(place) for _ in range(3)}, {left(place, THERE) for _ in range(3)}
    assert set(taken(place, meant_for(HERE))) == here
    assert set(taken(place, meant_for(THERE))) == there


def test_whoever_passes_by_does_not_even_lock_what_is_another_s(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left(place, THERE)
    monkeypatch.setattr(SpoolLock, "take", lambda _path: pytest.fail("it was locked"))
    assert taken(place, meant_for(HERE)) == []


def test_what_waits_there_for_others_is_said_once(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        left(place, THERE)
    without_note(left(place, THERE))
    passing = SpoolDirectory(options.Spool(place, destination=meant_for(HERE)))
    with caplog.at_level(logging.WARNING, "producer"):
        for _ in range(2):
            assert list(passing.leftovers()) == []
    (said,) = caplog.messages
    assert f"{place}: what dead producers left there for {THERE} (namespace otters) is not delivered" in said
    assert f"`producer spool --spool {place}` says what delivers it" in said


def test_a_server_that_has_moved_is_taken_for_the_new_one_where_that_is_said(place: Path) -> None:
    path = left(place, OLD)
    left(place, THERE)
    assert taken(place, moved_from(Server(OLD))) == [path]


def test_one_namespace_can_be_taken_along_and_the_others_left(place: Path) -> None:
    left(place)
    path = left(place, namespace="b")
    here = Server(HERE)
    assert taken(place, Destination(server=here, recorded=here, namespace="b")) == [path]


# -- what stands in the file --


def test_no_password_is_written_down(place: Path) -> None:
    url = "redis://user:s3cret@127.0.0.1:1/0?password=s3cret"
    producer = Producer(url, spool=place)
    producer.cleanup_executed("s", "r", "delete", True)
    producer.close(timeout=0)
    assert owed(place) == {"redis://127.0.0.1:1/0"}
    for path in place.iterdir():
        assert b"s3cret" not in path.read_bytes()


def test_of_a_damaged_file_what_is_intact_is_for_the_same_server(place: Path) -> None:
    path = left(place, THERE)
    damaged = SpoolDirectory(options.Spool(place, destination=meant_for(THERE))).adopt(path)
    assert damaged is not None
    damaged.append(b'"broken"', at=5)
    damaged.close()
    path.write_bytes(path.read_bytes().replace(b"broken", b"b\xa5\xa5\xa5en"))
    again = adopted(place, meant_for(THERE))
    with pytest.raises(SpoolDamaged):
        again.batch(10, 1000)
    again.close()
    saved = SpoolDirectory(place).rescue(path)
    assert saved is not None
    assert saved.state().server == THERE
    saved.close()
    assert taken(place, meant_for(HERE)) == []
    assert taken(place, meant_for(THERE)) == [saved.path]


def test_a_server_that_cannot_be_read_in_the_file_costs_nothing_and_is_like_no_other(place: Path) -> None:
    path = left(place)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE producer SET server = CAST(x'ff00a5' AS TEXT)")
    connection.close()
    without_note(path)
    assert taken(place, meant_for(HERE)) == []
    assert path.exists()


# -- from when it may have arrived somewhere --


def test_what_may_have_reached_a_server_is_for_that_one_from_then_on(place: Path) -> None:
    path = left(place, OLD)
    spool = adopted(place, moved_from(Server(OLD)))
    spool.bind()
    spool.close()
    assert owed(place) == {HERE}
    assert taken(place, meant_for(OLD)) == []
    assert taken(place, meant_for(HERE)) == [path]


def test_what_could_not_be_sent_is_still_for_the_old_one(place: Path) -> None:
    path = left(place, OLD)
    adopted(place, moved_from(Server(OLD))).close()
    assert taken(place, meant_for(OLD)) == [path]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_who_dies_while_it_is_noted_leaves_no_wrong_note_behind(place: Path, moment: str) -> None:
    path = left(place, OLD)
    program = f"""
import os, signal, sys
from producer.connection.destination import Destination
from producer.connection.server import Server
from producer.spool.file import SpoolFile
from producer.spool.directory import SpoolDirectory
from producer.spool.options import Spool
def dying(*arguments, bind=SpoolFile.bind):
    if {moment!r} == "after":
        bind(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
SpoolFile.bind = dying
here = Server({HERE!r})
destination = Destination(server=here, recorded=here, others=(Server({OLD!r}),))
(spool,) = SpoolDirectory(Spool(sys.argv[1], destination=destination)).leftovers()
spool.bind()
"""
    ran = subprocess.run([sys.executable, "-c", program, str(place)], capture_output=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    heir, other = (OLD, HERE) if moment == "before" else (HERE, OLD)
    assert taken(place, meant_for(other)) == []
    assert taken(place, meant_for(heir)) == [path]


# -- nobody named a server --


@pytest.fixture
def nobody_named_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WAL_URL", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("producer.connection.location.DEFAULT_URL", AWAY)


@pytest.mark.usefixtures("nobody_named_one")
def test_a_command_that_finds_no_server_records_for_the_first_that_is_found(place: Path) -> None:
    with open_producer(LogAddress(), timeout=2.0, spool=place) as producer:
        producer.cleanup_executed("s", "r", "delete", True)
        producer.close(timeout=0)
    assert owed(place) == {UNNAMED.url}


def test_a_command_for_a_server_that_was_named_records_for_it(place: Path) -> None:
    with open_producer(LogAddress(AWAY), timeout=2.0, spool=place) as producer:
        producer.cleanup_executed("s", "r", "delete", True)
        producer.close(timeout=0)
    assert owed(place) == {AWAY}
