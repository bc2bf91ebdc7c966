"""A directory of spools that others use too: what is junk, what is another user's, and what a file says of itself."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from producer import Producer, SpoolFull, SpoolUnusable
from producer.durability import Durability
from producer.identity import Identity
from producer.spool import file, options
from producer.spool.directory import SpoolDirectory
from producer.spool.lock import SpoolLock
from producer.spool.room import Room
from producer.spool.spool_queue import SpoolQueue
from producer.spool.survey import Survey
from tests.support.servers import eventually
from tests.support.spooling import AWAY, cut_off, files

MANY = 1 << 30
NAME = "0123456789abcdef"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.mkdir()
    return path


def left(place: Path, *, at: int = 1000, **options: Any) -> Path:
    """A file with an operation in it that a producer left."""
    spool = SpoolDirectory(place, **options).create(Identity(), "otters")
    spool.append(b"{}", at=at)
    spool.close()
    return spool.path


def adopted(place: Path) -> list[SpoolQueue]:
    return list(SpoolDirectory(place).leftovers())


def record(producer: Producer) -> int:
    return producer.cleanup_executed("s", "r", "delete", True).seq


def fill_up(producer: Producer) -> None:
    while True:
        record(producer)


# -- junk --


@pytest.mark.parametrize("junk", [f"{NAME}.lock", f"{NAME}.spool-wal", f"{NAME}.spool-shm", f".rescue-{NAME}/copy"])
def test_what_a_killed_process_left_beside_no_spool_is_removed(place: Path, junk: str) -> None:
    path = place / junk
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x" * 1000)
    assert adopted(place) == []
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["engine.lock", "engine.spool-wal", ".rescue-me", f"{NAME}.damaged", f"{NAME}.damaged-wal"]
)
def test_what_is_none_of_ours_or_evidence_stays(place: Path, name: str) -> None:
    (place / name).write_bytes(b"")
    assert adopted(place) == []
    assert [path.name for path in place.iterdir()] == [name]


def test_what_belongs_to_a_spool_or_to_one_that_is_being_made_is_no_junk(place: Path) -> None:
    spool = SpoolDirectory(place).create(Identity(), "otters")
    lock = SpoolLock.of_new_spool(place)
    names = set(os.listdir(place))
    assert adopted(place) == []
    assert set(os.listdir(place)) == names
    assert SpoolLock.is_held(lock.path)
    lock.remove()
    spool.close()


def test_a_lock_that_was_dropped_just_before_it_could_be_taken_is_not_taken_for_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two would hold it, each by another file of that name."""
    path = place / f"{NAME}.lock"
    first = SpoolLock.take(path)
    assert first is not None

    def dropping(*arguments: Any, opened: Any = os.open, **more: Any) -> int:
        descriptor: int = opened(*arguments, **more)
        monkeypatch.undo()
        first.remove()
        return descriptor

    monkeypatch.setattr("producer.file_lock.os.open", dropping)
    second = SpoolLock.take(path)
    assert second is not None
    assert SpoolLock.is_held(path)
    assert SpoolLock.take(path) is None
    second.remove()


def test_a_file_that_is_empty_goes_as_a_whole_though_the_disk_is_full(place: Path) -> None:
    """SQLite then cannot copy its log back, and leaves it where it is. A limit on the size of files is the disk."""
    program = """
import resource, signal, sys
from pathlib import Path
from producer.identity import Identity
from producer.spool.directory import SpoolDirectory
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = SpoolDirectory(sys.argv[1]).create(Identity(), "otters")
for number in range(50):
    spool.append(b"x" * 3000, at=5)
spool.remove(spool.batch(1000, 1 << 30), acked=0)
(path,) = Path(sys.argv[1]).glob("*.spool")
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, resource.RLIM_INFINITY))
spool.close()
"""
    subprocess.run([sys.executable, "-c", program, str(place)], check=True)
    assert files(place) == []


class FullAtTheEnd:
    """A connection on a disk that has no room for what its log is copied back to."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, *more: Any) -> Any:
        if "checkpoint" in statement:
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(statement, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_rescue_that_finds_the_disk_full_at_its_very_end_leaves_the_file_as_it_was(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = left(place)
    content = path.read_bytes()
    monkeypatch.setattr(
        "producer.spool.rescue.file.create",
        lambda *arguments, original=file.create, **more: FullAtTheEnd(original(*arguments, **more)),
    )
    with pytest.raises(SpoolUnusable, match="database or disk is full"):
        SpoolDirectory(place).rescue(path)
    assert path.read_bytes() == content
    assert files(place) == ["lock", "spool"]


# -- other users --


@pytest.fixture
def foreign(place: Path) -> Path:
    """A file whose lock cannot be opened: by a loop of links, since root may open what modes forbid."""
    path = left(place)
    lock = path.with_suffix(".lock")
    lock.unlink()
    lock.symlink_to(lock.name)
    return path


def test_another_user_s_file_keeps_no_producer_from_starting_nor_one_that_is_full_from_saying_so(
    place: Path, foreign: Path
) -> None:
    with Producer(AWAY, spool=options.Spool(place, bytes=500)) as producer:
        assert record(producer) == 1
        with pytest.raises(SpoolFull, match="of at most 500"):
            fill_up(producer)
        producer.close(timeout=0)
    assert foreign.exists()


def test_trouble_with_a_file_is_said_once_however_often_it_is_found(
    place: Path, foreign: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = SpoolDirectory(place)
    with caplog.at_level(logging.WARNING, "producer"):
        for _ in range(3):
            assert list(directory.leftovers()) == []
    (said,) = caplog.messages
    assert said.startswith(f"the spool {foreign} cannot be used: ")


def test_a_survey_names_what_cannot_be_looked_at(place: Path, foreign: Path) -> None:
    left(place)
    survey = Survey.of(SpoolDirectory(place))
    assert [surveyed.path for surveyed in survey.unusable] == [foreign]
    assert survey.operations == 1


def test_a_directory_that_cannot_be_listed_is_an_error_of_the_spool_s_and_names_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("producer.spool.room._MEASURE_SECONDS", 0)
    with Producer(AWAY, spool=options.Spool(place, bytes=500)) as producer:
        record(producer)

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        with monkeypatch.context() as forbidden:
            forbidden.setattr("producer.spool.directory.os.scandir", refuse)
            with pytest.raises(SpoolUnusable, match=f"{place} cannot be used: Permission denied"):
                fill_up(producer)
        producer.close(timeout=0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave a file to another user")
def test_what_root_rescues_of_another_user_s_file_that_user_can_deliver(place: Path) -> None:
    path = left(place)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE operation SET checksum = 0")
    connection.execute("INSERT INTO operation VALUES (2, 5, ?, ?)", (crc32(b"{}"), b"{}"))
    connection.commit()
    connection.close()
    for each in place.iterdir():
        os.chown(each, 12345, 12345)
    saved = SpoolDirectory(place).rescue(path)
    assert saved is not None
    assert [seq for seq, _ in saved.batch(MANY, MANY)] == [2]
    saved.close()
    assert {each.stat().st_uid for each in place.iterdir()} == {12345}


# -- what a file says of itself --


def test_how_safe_its_operations_have_to_be_stands_in_the_file(place: Path) -> None:
    left(place, level=Durability(fsync=True, replicas=2))
    (spool,) = adopted(place)
    assert spool.level == Durability(fsync=True, replicas=2)
    spool.close()


@pytest.mark.parametrize("version", [2, 9])
def test_a_file_of_another_version_is_refused_and_left_as_it_is(
    place: Path, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = left(place)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    content = path.read_bytes()
    assert adopted(place) == []
    assert f"the spool {path} cannot be used: expected a file of version 1, found version {version}" in caplog.text
    assert path.read_bytes() == content
    assert files(place) == ["lock", "spool"]


@pytest.mark.parametrize(("synchronous", "level"), [("normal", 1), ("full", 2)])
def test_each_call_waits_for_the_disk_where_that_was_asked_for(place: Path, synchronous: Any, level: int) -> None:
    spool = SpoolDirectory(options.Spool(place, synchronous=synchronous)).create(Identity(), "otters")
    assert spool._file.writer.execute("PRAGMA synchronous").fetchone() == (level,)
    spool.close()


# -- age --


def test_what_a_dead_producer_left_too_long_ago_keeps_the_next_from_taking_more_in(place: Path) -> None:
    with cut_off(AWAY, "otters", place, clock=lambda: 1000.0) as dead:
        record(dead)
        dead.close(timeout=0)
    with Producer(AWAY, "otters", spool=options.Spool(place, age=60), clock=lambda: 1060.0) as heir:
        record(heir)
        heir.close(timeout=0)
    eventually(lambda: not any(SpoolLock.is_held(lock) for lock in place.glob("*.lock")), what="its thread to end")
    with Producer(AWAY, "otters", spool=options.Spool(place, age=60), clock=lambda: 1060.1) as heir:
        with pytest.raises(SpoolFull, match="what a dead producer left beside it has waited for more than 60 s"):
            record(heir)
        heir.close(timeout=0)


def test_what_is_for_another_server_is_not_waited_for(place: Path) -> None:
    with cut_off("redis://elsewhere:1/0", "otters", place, clock=lambda: 1000.0) as dead:
        record(dead)
        dead.close(timeout=0)
    with Producer(AWAY, "otters", spool=options.Spool(place, age=60), clock=lambda: 9000.0) as heir:
        record(heir)
        heir.close(timeout=0)


def test_a_killed_producer_s_oldest_operation_is_known_by_its_last_note(place: Path) -> None:
    program = f"""
import os, signal, sys
from producer import Producer
producer = Producer({AWAY!r}, spool=sys.argv[1], clock=lambda: 1000.0)
producer.cleanup_executed("s", "r", "delete", True)
assert not producer.flush(60, attempts=3)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ran = subprocess.run([sys.executable, "-c", program, str(place)], capture_output=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    with Producer(AWAY, spool=options.Spool(place, age=60), clock=lambda: 1061.0) as heir:
        with pytest.raises(SpoolFull, match="what a dead producer left"):
            record(heir)
        heir.close(timeout=0)


def test_room_is_measured_again_after_a_second_whatever_the_wall_clock_does() -> None:
    now, found = 50.0, [(1000, 5), (0, None)]
    room = Room(options.Spool("here", bytes=1000, age=60), lambda: found.pop(0), monotonic=lambda: now)
    assert room.bytes == 0
    assert room.deadline == 60_005
    assert room.refusal(0, 10, at=70_000) == "an operation of 10 bytes finds 1000 bytes waiting, of at most 1000"
    now += 1.0
    assert room.refusal(0, 10, at=-70_000) is None
    assert room.bytes == 1000
    room.keep_time(1000)
    assert room.refusal(0, 10, at=61_001) == "its oldest operation has waited for more than 60 s"
