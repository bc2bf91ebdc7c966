"""A spool in use that turns out damaged: it goes on with what is intact, and nothing goes silently."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from producer import SpoolDamaged
from producer.durability import ACKNOWLEDGED, Level
from producer.identity import Identity
from producer.spool import options
from producer.spool.directory import SpoolDirectory
from producer.spool.spool import Spool
from tests.support.spooling import files

MANY = 1 << 30


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def created(place: Path, *, level: Level = ACKNOWLEDGED, **bounds: Any) -> Spool:
    return SpoolDirectory(options.Spool(place, **bounds), level=level).create(Identity(), "otters")


def fill(spool: Spool, count: int, *, size: int = 500) -> None:
    for _ in range(count):
        spool.append(b'"%0*d"' % (size - 2, spool.last + 1), at=1000)


def damage(spool: Spool, seq: int, *, is_cached: bool = False) -> None:
    """Flip bits in the operation `seq`, wherever it stands; but not in SQLite's memory."""
    if not is_cached:
        spool._writer.execute("PRAGMA shrink_memory")
    for side in ("", "-wal"):
        found = spool.path.with_name(spool.path.name + side)
        if found.exists():
            found.write_bytes(found.read_bytes().replace(b'%04d"' % seq, b'%03dx"' % (seq // 10)))


def numbers(spool: Spool) -> list[int]:
    return [seq for seq, _ in spool.batch(MANY, MANY)]


def adopted(place: Path) -> list[Spool]:
    return list(SpoolDirectory(place).leftovers())


def test_a_spool_in_use_that_is_damaged_goes_on_with_what_is_intact_under_its_own_name(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = created(place)
    fill(spool, 20)
    damaged = spool.path
    damage(spool, 8)
    with pytest.raises(SpoolDamaged, match="checksum of operation 8 is wrong"):
        spool.batch(MANY, MANY)
    spool.tend()
    fill(spool, 2)
    assert numbers(spool) == [*range(1, 8), *range(9, 23)]
    assert spool.waiting == 21
    (aside,) = place.glob("*.damaged")
    assert (
        f"{damaged} was damaged: it is kept as {aside.name}; 19 operations that are intact were saved" in caplog.text
    )
    assert files(place) == ["damaged", "lock", "spool", "spool-wal"]
    spool.close()
    (again,) = adopted(place)
    assert (again.identity.by, len(numbers(again))) == (spool.identity.by, 21)
    again.close()


def test_what_sqlite_still_has_in_memory_is_not_lost(place: Path) -> None:
    spool = created(place)
    fill(spool, 20)
    damage(spool, 8, is_cached=True)
    with pytest.raises(SpoolDamaged):
        spool.batch(MANY, MANY)
    spool.tend()
    assert numbers(spool) == list(range(1, 21))
    spool.close()


def test_what_was_removed_before_the_damage_was_seen_does_not_come_again(place: Path) -> None:
    spool = created(place)
    fill(spool, 20)
    spool.remove(spool.batch(5, MANY), acked=3)
    damage(spool, 8)
    with pytest.raises(SpoolDamaged):
        spool.batch(MANY, MANY)
    spool.tend()
    assert numbers(spool) == [6, 7, *range(9, 21)]
    spool.close()
    (again,) = adopted(place)
    assert again.identity.claim(0) == 3
    again.close()


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_what_the_file_was_made_with_still_holds(place: Path, synchronous: Any) -> None:
    level = Level(fsync=True, replicas=2)
    bounds = {"bytes": 5000, "on_full": "drop"}
    spool = created(place, **bounds, level=level, synchronous=synchronous)
    fill(spool, 15)
    damage(spool, 8)
    with pytest.raises(SpoolDamaged):
        spool.batch(MANY, MANY)
    spool.tend()
    fill(spool, 3)
    found = numbers(spool)
    # The last one that was kept beyond the bound has its place: what is dropped now is not taken for it.
    assert found[:9] == [1, 2, 3, 4, 5, 6, 7, 9, 10]
    assert found[-1] == 18
    assert spool._writer.execute("PRAGMA synchronous").fetchone() == ({"normal": 1, "full": 2}[synchronous],)
    dropped = spool.dropped
    assert dropped >= 4
    spool.close()
    (again,) = adopted(place)
    assert (again.level, again.state().dropped) == (level, dropped)
    again.close()


def test_where_nothing_is_intact_the_producer_goes_on_all_the_same(place: Path) -> None:
    spool = created(place)
    fill(spool, 2)
    for seq in (1, 2):
        damage(spool, seq)
    with pytest.raises(SpoolDamaged):
        spool.batch(MANY, MANY)
    spool.tend()
    assert numbers(spool) == []
    assert spool.waiting == 0
    assert spool.append(b"{}", at=5) == 3  # the others will be missing
    assert numbers(spool) == [3]
    spool.close()


def test_an_operation_that_turned_into_nothing_is_not_left_out_silently(place: Path) -> None:
    spool = created(place)
    fill(spool, 5)
    connection = spool._writer
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'op BLOB NOT NULL', 'op BLOB')")
    connection.execute("PRAGMA writable_schema = RESET")
    connection.execute("UPDATE operation SET op = NULL WHERE seq = 3")
    with pytest.raises(SpoolDamaged, match="1 of the operations from number 1 on are empty"):
        spool.batch(MANY, MANY)
    spool.tend()
    assert numbers(spool) == [1, 2, 4, 5]
    spool.close()


class Broken:
    """A connection that says of each statement that the file is none."""

    def execute(self, *_: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")


def test_a_file_that_takes_nothing_in_any_more_is_mended_though_nothing_waits(place: Path) -> None:
    spool = created(place)
    spool._inserting = Broken()  # type: ignore[assignment]
    with pytest.raises(SpoolDamaged, match="malformed"):
        spool.append(b"{}", at=5)
    spool.tend()
    assert spool.append(b"{}", at=5) == 1
    assert numbers(spool) == [1]
    spool.close()


def test_what_cannot_be_saved_now_stays_as_it_is_and_the_rest_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no room on the disk for what is intact."""
    spool = created(place)
    fill(spool, 20)
    path = spool.path
    damage(spool, 8)
    with pytest.raises(SpoolDamaged):
        spool.batch(MANY, MANY)
    with monkeypatch.context() as full:
        full.setattr("producer.spool.rescue.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
        with pytest.raises(SpoolDamaged, match=r"8 is wrong; what is intact cannot be saved: .* of room are needed"):
            spool.tend()
        assert spool.path == path
        assert spool.append(b"{}", at=5) == 21
        assert [seq for seq, _ in spool.batch(7, MANY)] == list(range(1, 8))
        assert files(place) == ["lock", "spool", "spool-wal"]
    spool.tend()
    assert numbers(spool) == [*range(1, 8), *range(9, 22)]
    spool.close()


@pytest.mark.parametrize("moment", ["succeed", "put_aside"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_who_dies_while_it_is_mended_loses_nothing(place: Path, moment: str, when: str) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
from producer import SpoolDamaged
from producer.spool import rescue
from tests.unit.producer.spool.test_spool_damage import created, damage, fill
def dying(*arguments, original=rescue.{moment}):
    if {when!r} == "after":
        original(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
rescue.{moment} = dying
spool = created(Path(sys.argv[1]))
fill(spool, 20)
spool._reader.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
damage(spool, 8)
try:
    spool.batch(100, 1 << 20)
except SpoolDamaged:
    spool.tend()
"""
    ran = subprocess.run([sys.executable, "-c", program, str(place)], capture_output=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    found: set[int] = set()
    for spool in SpoolDirectory(place).leftovers():
        try:
            found.update(numbers(spool))
        except SpoolDamaged:
            spool.tend()
            found.update(numbers(spool))
        spool.remove(spool.batch(MANY, MANY), acked=0)
        spool.close()
    assert found == set(range(1, 21)) - {8}
    assert adopted(place) == []
    assert {name.removesuffix("-wal") for name in files(place)} == {"damaged"}
