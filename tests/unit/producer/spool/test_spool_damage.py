"""A spool in use that turns out damaged: its producer goes on in a new file, and what is intact is saved."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from producer import Producer, SpoolDamaged, SpoolFull, SpoolUnusable
from producer.delivery.deferred import Deferred
from producer.durability import ACKNOWLEDGED, Durability
from producer.identity import Identity
from producer.spool import options
from producer.spool.directory import SpoolDirectory
from producer.spool.leftovers import Leftovers
from producer.spool.spool_queue import SpoolQueue
from tests.support.servers import eventually
from tests.support.spooling import files

MANY = 1 << 30


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def created(place: Path, *, level: Durability = ACKNOWLEDGED, **bounds: Any) -> SpoolQueue:
    return SpoolDirectory(options.Spool(place, **bounds), level=level).create(Identity(), "otters")


def fill(spool: SpoolQueue, count: int, *, size: int = 500) -> None:
    for _ in range(count):
        spool.append(b'"%0*d"' % (size - 2, spool.last + 1), at=1000 + spool.last)


def damage(spool: SpoolQueue, seq: int) -> None:
    """Flip bits in the operation `seq`, wherever it stands; but not in SQLite's memory."""
    spool._file.writer.execute("PRAGMA shrink_memory")
    for side in ("", "-wal"):
        found = spool.path.with_name(spool.path.name + side)
        if found.exists():
            found.write_bytes(found.read_bytes().replace(b'%04d"' % seq, b'%03dx"' % (seq // 10)))


def numbers(spool: SpoolQueue) -> list[int]:
    return [seq for seq, _ in spool.batch(MANY, MANY)]


def adopted(place: Path) -> list[SpoolQueue]:
    return list(SpoolDirectory(place).leftovers())


def found_damaged(spool: SpoolQueue) -> None:
    """The forwarder finds the damage."""
    with pytest.raises(SpoolDamaged):
        spool.batch(MANY, MANY)
    spool.tend()


def delivered(place: Path) -> list[tuple[str, int]]:
    """Of each leftover the producer and the numbers, in the order in which a forwarder has them."""
    leftovers = Leftovers(SpoolDirectory(place))
    found = []
    while (current := leftovers.current()) is not None:
        try:
            batch = current.batch(MANY, MANY)
        except SpoolDamaged:
            leftovers.rescue()
        else:
            found += [(current.identity.by, seq) for seq, _ in batch]
            if batch:
                current.remove(batch, acked=0)
            leftovers.finish()
    return found


def test_a_spool_in_use_that_is_damaged_goes_on_in_a_new_file_and_what_is_intact_goes_on_under_its_name(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = created(place)
    by = spool.identity.by
    fill(spool, 20)
    damaged = spool.path
    damage(spool, 8)
    with pytest.raises(SpoolDamaged, match="checksum of operation 8 is wrong"):
        spool.batch(MANY, MANY)
    spool.tend()
    fill(spool, 2)
    assert numbers(spool) == [21, 22]
    assert spool.waiting == 2
    assert spool.path != damaged
    assert delivered(place) == [(by, seq) for seq in range(1, 21) if seq != 8]
    (aside,) = place.glob("*.damaged")
    assert (
        f"{damaged} was damaged: it is kept as {aside.name}; 19 operations that are intact were saved" in caplog.text
    )
    assert files(place) == ["damaged", "lock", "spool", "spool-wal"]
    spool.close()
    assert delivered(place) == [(by, 21), (by, 22)]


def test_what_was_removed_before_the_damage_was_seen_does_not_come_again(place: Path) -> None:
    spool = created(place)
    fill(spool, 20)
    spool.remove(spool.batch(5, MANY), acked=3)
    damage(spool, 8)
    found_damaged(spool)
    fill(spool, 1)
    spool.close()
    again = adopted(place)
    assert [each.identity.claim(0) for each in again] == [3, 3]
    for each in again:
        each.close()
    assert [seq for _, seq in delivered(place)] == [6, 7, *range(9, 22)]


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_what_the_file_was_made_with_still_holds(place: Path, synchronous: Any) -> None:
    level = Durability(fsync=True, replicas=2)
    spool = created(place, bytes=5000, on_full="drop", level=level, synchronous=synchronous)
    fill(spool, 15)
    damage(spool, 8)
    found_damaged(spool)
    fill(spool, 3)
    assert numbers(spool)[-1] == 18
    assert spool._file.writer.execute("PRAGMA synchronous").fetchone() == ({"normal": 1, "full": 2}[synchronous],)
    spool.close()
    again = adopted(place)
    assert [each.level for each in again] == [level] * 2
    assert sum(each.state().dropped for each in again) >= 4
    for each in again:
        each.close()
    found = [seq for _, seq in delivered(place)]
    # The last one that was kept beyond the bound has its place: what is dropped now is not taken for it.
    assert found[:10] == [1, 2, 3, 4, 5, 6, 7, 9, 10, 15]
    assert found[-1] == 18


def test_the_damaged_file_counts_in_the_bounds(place: Path) -> None:
    spool = created(place, bytes=100_000)
    fill(spool, 150)
    damage(spool, 8)
    found_damaged(spool)
    with pytest.raises(SpoolFull, match="of at most 100000"):
        fill(spool, 100)
    spool.close()


def test_where_nothing_is_intact_the_producer_goes_on_all_the_same(place: Path) -> None:
    spool = created(place)
    fill(spool, 2)
    for seq in (1, 2):
        damage(spool, seq)
    found_damaged(spool)
    assert numbers(spool) == []
    assert spool.waiting == 0
    assert spool.append(b"{}", at=5) == 3  # the others will be missing
    assert numbers(spool) == [3]
    assert delivered(place) == []
    assert len(list(place.glob("*.damaged"))) == 1
    spool.close()


def test_an_operation_that_turned_into_nothing_is_not_left_out_silently(place: Path) -> None:
    spool = created(place)
    fill(spool, 5)
    connection = spool._file.writer
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'op BLOB NOT NULL', 'op BLOB')")
    connection.execute("PRAGMA writable_schema = RESET")
    connection.execute("UPDATE operation SET op = NULL WHERE seq = 3")
    with pytest.raises(SpoolDamaged, match="operations from number 1 on are empty"):
        spool.batch(MANY, MANY)
    spool.tend()
    assert [seq for _, seq in delivered(place)] == [1, 2, 4, 5]
    spool.close()


class Broken:
    """A connection that says of each statement that the file is none."""

    def execute(self, *_: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")


def test_a_file_that_takes_nothing_in_any_more_is_replaced_though_nothing_waits(place: Path) -> None:
    spool = created(place)
    spool._file.inserting = Broken()  # type: ignore[assignment]
    with pytest.raises(SpoolDamaged, match="malformed"):
        spool.append(b"{}", at=5)
    spool.tend()
    assert spool.append(b"{}", at=5) == 1
    assert numbers(spool) == [1]
    spool.close()


def test_a_call_that_fails_for_damage_has_the_sleeping_forwarder_begin_the_new_file(place: Path) -> None:
    with Producer("redis://127.0.0.1:1/0", spool=place) as producer:
        assert isinstance(producer._delivery, Deferred)
        spool, forwarder = producer._delivery._running()
        assert isinstance(spool, SpoolQueue)
        eventually(lambda: forwarder._sleeping)
        spool._file.inserting = Broken()  # type: ignore[assignment]
        damaged = spool.path
        with pytest.raises(SpoolDamaged):
            producer.cleanup_executed("scanner", "lock:a", "delete", True)
        eventually(lambda: spool.path != damaged, seconds=5)  # half as long as a forwarder sleeps
        assert producer.cleanup_executed("scanner", "lock:a", "delete", True).seq == 1
        producer.close(timeout=0)


def test_where_no_new_file_can_be_begun_the_old_one_is_used_up_to_the_damage(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full, say."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    spool = created(place)
    fill(spool, 20)
    path = spool.path
    damage(spool, 8)
    with pytest.raises(SpoolDamaged):
        spool.batch(MANY, MANY)
    with monkeypatch.context() as full:
        full.setattr("producer.spool.file.create", refuse)
        with pytest.raises(SpoolDamaged, match=r"8 is wrong; no new file can be begun: .* No space left on device"):
            spool.tend()
        assert spool.path == path
        assert spool.append(b"{}", at=5) == 21
        assert [seq for seq, _ in spool.batch(7, MANY)] == list(range(1, 8))
        assert files(place) == ["lock", "spool", "spool-wal"]
    spool.tend()
    assert spool.append(b"{}", at=5) == 22
    assert [seq for _, seq in delivered(place)] == [*range(1, 8), *range(9, 22)]
    spool.close()


def test_what_cannot_be_saved_now_stays_as_it_is_and_the_rest_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no room on the disk for what is intact."""
    spool = created(place)
    fill(spool, 20)
    damaged = spool.path
    damage(spool, 8)
    found_damaged(spool)
    with monkeypatch.context() as full:
        full.setattr("producer.spool.rescue.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
        with pytest.raises(SpoolUnusable, match=r"what is intact cannot be saved: .* of room are needed"):
            delivered(place)
        assert damaged.exists()
        assert spool.append(b"{}", at=5) == 21
        assert numbers(spool) == [21]
    assert [seq for _, seq in delivered(place)] == [*range(1, 8), *range(9, 21)]
    spool.close()


@pytest.mark.parametrize("moment", ["directory.SpoolDirectory._begin", "directory.rescue", "rescue.put_aside"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_who_dies_while_it_is_saved_loses_nothing(place: Path, moment: str, when: str) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
from producer.spool import directory, rescue
from tests.unit.producer.spool.test_spool_damage import created, damage, delivered, fill, found_damaged
spool = created(Path(sys.argv[1]))
def dying(*arguments, original={moment}):
    if {when!r} == "after":
        original(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
fill(spool, 20)
spool._file.reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
damage(spool, 8)
{moment} = dying
found_damaged(spool)
fill(spool, 1)
delivered(Path(sys.argv[1]))
"""
    ran = subprocess.run([sys.executable, "-c", program, str(place)], capture_output=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    has_begun = "begin" not in moment
    assert {seq for _, seq in delivered(place)} == set(range(1, 22 if has_begun else 21)) - {8}
    assert adopted(place) == []
    assert {name.removesuffix("-wal") for name in files(place)} == {"damaged"}


@pytest.mark.parametrize("harm", ["DELETE FROM producer", "UPDATE producer SET replicas = -1"])
@pytest.mark.parametrize("is_noted", [True, False], ids=["noted", "not noted"])
def test_the_owner_of_a_file_that_names_none_any_more_is_known_by_the_note(
    place: Path, is_noted: bool, harm: str
) -> None:
    level = Durability(fsync=True, replicas=2)
    spool = created(place, level=level)
    fill(spool, 4)
    spool.remove(spool.batch(1, MANY), acked=1)
    spool._file.writer.execute(harm)
    spool.close()
    if not is_noted:
        spool.path.with_suffix(".lock").write_bytes(b"")
    found = adopted(place)
    assert [(each.identity.by, each.identity.claim(0), each.level, numbers(each)) for each in found] == (
        [(spool.identity.by, 1, level, [2, 3, 4])] if is_noted else []
    )
    for each in found:
        each.close()
    assert len(list(place.glob("*.damaged"))) == 1


def test_a_new_file_that_cannot_be_read_does_not_keep_the_damaged_one_from_its_heirs(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = created(place)
    fill(spool, 3)
    old = spool.path
    damage(spool, 2)
    with pytest.raises(SpoolDamaged):
        spool.batch(MANY, MANY)
    with monkeypatch.context() as patched:

        def fail(*_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        patched.setattr("producer.spool.file.SpoolFile.count", fail)
        spool.tend()
    assert spool.path != old
    assert not SpoolDirectory(place).is_held(old)
    spool.append(b"{}", at=1)
    assert (numbers(spool), spool.waiting) == ([4], 1)
    spool.close()


@pytest.mark.parametrize(
    "nonsense", [{"replicas": -1}, {"replicas": "x"}, {"fsync": 2}, {"bytes": "x"}, {"server": 5}]
)
def test_a_damaged_file_beside_a_note_that_makes_no_sense_keeps_no_other_file_from_its_heirs(
    place: Path, nonsense: dict[str, object]
) -> None:
    broken, intact = created(place), created(place)
    for spool in (broken, intact):
        fill(spool, 2)
        spool.close()
    lock = broken.path.with_suffix(".lock")
    lock.write_text(json.dumps(json.loads(lock.read_bytes()) | nonsense))
    broken.path.write_bytes(b"no database" * 1000)
    created(place).close()
    found = adopted(place)
    assert [spool.path for spool in found] == [intact.path]
    for each in found:
        each.close()
