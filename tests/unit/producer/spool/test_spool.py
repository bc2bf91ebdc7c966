"""The file of a spool: what waits in it, its bounds, and what becomes of it when it is full, damaged or not ours."""

from __future__ import annotations

import errno
import gc
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from producer import InvalidOperation, Producer, SpoolDamaged, SpoolFull, SpoolUnusable, Unavailable
from producer.identity import Identity
from producer.spool import options
from producer.spool.directory import SpoolDirectory
from producer.spool.lock import SpoolLock
from producer.spool.spool_queue import SpoolQueue
from producer.spool.survey import Survey
from tests.support.spooling import AWAY, files

MANY = 1 << 30


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def created(place: Path, **bounds: Any) -> SpoolQueue:
    return SpoolDirectory(options.Spool(place, **bounds)).create(Identity(), "otters")


@pytest.fixture
def spool(place: Path) -> Iterator[SpoolQueue]:
    made = created(place)
    yield made
    made.close()


def fill(spool: SpoolQueue, count: int, *, size: int = 100) -> None:
    for number in range(count):
        spool.append(b'"%0*d"' % (size - 2, number), at=1000 + number)


def numbers(spool: SpoolQueue) -> list[int]:
    return [seq for seq, _ in spool.batch(MANY, MANY)]


def left(place: Path, count: int = 20, *, size: int = 500) -> Path:
    """The one file that a producer left in `place`."""
    spool = created(place)
    fill(spool, count, size=size)
    spool.close()
    return spool.path


def adopted(place: Path) -> list[SpoolQueue]:
    return list(SpoolDirectory(place).leftovers())


# -- in and out --


def test_operations_come_out_as_they_went_in_and_in_order(spool: SpoolQueue) -> None:
    texts = [b'{"a":"\\n \\u0000"}', '{"ä":"€ 😀"}'.encode(), b" ", b"1 2 3"]
    assert [spool.append(text, at=5) for text in texts] == [1, 2, 3, 4]
    assert spool.batch(10, MANY) == list(enumerate(texts, 1))


def test_a_batch_is_bounded_in_number_and_bytes_and_never_empty(spool: SpoolQueue) -> None:
    fill(spool, 10, size=100)
    assert numbers(spool) == list(range(1, 11))
    assert [seq for seq, _ in spool.batch(3, MANY)] == [1, 2, 3]
    assert [seq for seq, _ in spool.batch(MANY, 450)] == [1, 2, 3, 4]
    assert [seq for seq, _ in spool.batch(MANY, 1)] == [1]


def test_what_was_removed_is_gone_and_the_rest_stays(spool: SpoolQueue) -> None:
    fill(spool, 5)
    spool.remove(spool.batch(3, MANY), acked=0)
    assert numbers(spool) == [4, 5]
    assert (spool.waiting, spool.removed, spool.last) == (2, 3, 5)
    assert spool.append(b"{}", at=5) == 6


def test_what_is_in_the_file_is_found_by_the_next_process_under_the_same_name(place: Path) -> None:
    spool = created(place)
    fill(spool, 5)
    spool.remove(spool.batch(2, MANY), acked=1)
    spool.close()
    (again,) = adopted(place)
    assert (again.identity.by, again.namespace) == (spool.identity.by, "otters")
    assert again.identity.claim(0.0) == 1
    assert numbers(again) == [3, 4, 5]
    again.close()


def test_an_empty_file_goes_with_its_producer(place: Path) -> None:
    spool = created(place)
    fill(spool, 3)
    spool.remove(spool.batch(3, MANY), acked=0)
    assert files(place) == ["lock", "spool", "spool-wal"]
    spool.close()
    assert files(place) == []


def test_a_closed_spool_says_so(spool: SpoolQueue) -> None:
    spool.close()
    with pytest.raises(SpoolUnusable, match="was closed: make another"):
        spool.append(b"{}", at=5)


@pytest.mark.usefixtures("spool")
def test_a_file_can_be_read_by_nobody_else(place: Path) -> None:
    assert {path.stat().st_mode & 0o077 for path in place.iterdir()} == {0}
    assert place.stat().st_mode & 0o077 == 0


def test_a_signal_handler_that_records_too_neither_hangs_nor_loses_anything(spool: SpoolQueue) -> None:
    def record(*_: object) -> None:
        spool.append(b'"from the handler"', at=5)

    before = signal.signal(signal.SIGALRM, record)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        fill(spool, 2000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert spool.last > 2000  # it came at least once
    assert numbers(spool) == list(range(1, spool.last + 1))
    assert spool.waiting == spool.last


# -- bounds --


def test_a_full_spool_refuses_what_is_more_and_uses_up_no_number(place: Path) -> None:
    spool = created(place, bytes=1000)
    fill(spool, 10, size=100)
    with pytest.raises(SpoolFull, match=r"an operation of 2 bytes finds 1000 bytes waiting, of at most 1000"):
        spool.append(b"{}", at=5)
    spool.remove(spool.batch(1, MANY), acked=0)
    assert spool.append(b"{}", at=5) == 11
    spool.close()


def test_one_that_has_waited_too_long_refuses_more(place: Path) -> None:
    spool = created(place, age=60)
    spool.append(b"{}", at=1000)
    spool.append(b"{}", at=61_000)
    with pytest.raises(SpoolFull, match="has waited for more than 60 s"):
        spool.append(b"{}", at=61_001)
    spool.remove(spool.batch(1, MANY), acked=0)
    assert spool.append(b"{}", at=61_001) == 3
    spool.close()


def test_where_the_newest_are_dropped_the_last_one_shows_by_its_number_what_is_missing(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = created(place, bytes=1000, on_full="drop")
    with caplog.at_level(logging.WARNING, "producer"):
        fill(spool, 15, size=100)
    assert numbers(spool) == [*range(1, 11), 15]
    assert (spool.waiting, spool.last, spool.state().dropped) == (11, 15, 4)
    (said,) = caplog.messages  # once, not four times
    assert "is full (an operation of 100 bytes finds 1100 bytes waiting, of at most 1000): operations are dro" in said
    caplog.clear()
    spool.remove(spool.batch(5, MANY), acked=0)
    assert "has room again: 4 operations were dropped" in caplog.text
    assert spool.append(b"{}", at=5) == 16
    assert numbers(spool) == [*range(6, 11), 15, 16]
    spool.close()
    (again,) = adopted(place)
    assert (again.state().dropped, again.waiting) == (4, 7)
    again.close()


def test_the_bytes_of_the_last_one_are_counted_anew_each_time_it_is_replaced(place: Path) -> None:
    spool = created(place, bytes=1000, on_full="drop")
    fill(spool, 11, size=100)
    for size in (5000, 50):
        fill(spool, 1, size=size)
        assert spool.state().bytes == 1000 + size
    spool.remove(spool.batch(5, MANY), acked=0)
    assert spool.state().bytes == sum(len(op) for _, op in spool.batch(MANY, MANY))
    spool.close()


def test_the_last_one_that_is_on_its_way_is_not_taken_back(place: Path) -> None:
    spool = created(place, bytes=200, on_full="drop")
    fill(spool, 3, size=100)
    under_way = spool.batch(MANY, MANY)
    spool.append(b"{}", at=5)  # takes the place of number 3 in the file
    spool.remove(under_way, acked=0)
    assert numbers(spool) == [4]
    assert spool.waiting == 1
    spool.append(b"{}", at=5)
    assert numbers(spool) == [4, 5]
    spool.close()


def test_what_dead_producers_left_counts_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producer.spool.room._MEASURE_SECONDS", 0)
    leftover = left(place, 100, size=500)
    spool = created(place, bytes=leftover.stat().st_size + 1000)
    fill(spool, 10, size=100)
    with pytest.raises(SpoolFull):
        spool.append(b"{}", at=5)
    (again,) = adopted(place)
    again.remove(again.batch(MANY, MANY), acked=0)
    again.close()
    assert spool.append(b"{}", at=5000) == 11
    spool.close()


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ({"bytes": 0}, "bytes of a spool"),
        ({"bytes": 1.5}, "bytes of a spool"),
        ({"age": 0}, "age of a spool"),
        ({"age": float("nan")}, "age of a spool"),
        ({"on_full": "forget"}, "on_full"),
        ({"synchronous": "off"}, "synchronous"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(place: Path, bad: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        options.Spool(place, **bad)


def test_a_spool_and_a_buffer_are_not_taken_together(place: Path) -> None:
    with pytest.raises(ValueError, match="both a spool and a buffer"):
        Producer(AWAY, spool=place, buffer=5)
    assert files(place) == []


@pytest.mark.parametrize("kind", [str, Path, options.Spool])
def test_a_plain_path_is_a_spool_with_the_usual_options(place: Path, kind: Any) -> None:
    with Producer(AWAY, spool=kind(place)) as producer:
        producer.cleanup_executed("s", "r", "delete", True)
        producer.close(timeout=0)
    (spool,) = adopted(place)
    assert spool.waiting == 1
    spool.close()


def test_an_invalid_operation_is_not_written(place: Path) -> None:
    with Producer(AWAY, spool=place) as producer:
        with pytest.raises(InvalidOperation):
            producer.cleanup_executed("", "r", "delete", True)
        assert producer.cleanup_executed("s", "r", "delete", True).seq == 1
        producer.close(timeout=0)


# -- disks --


def test_a_full_disk_is_an_error_that_says_so_and_costs_neither_a_number_nor_what_was_written(place: Path) -> None:
    """A limit on the size of files stands in for the disk."""
    program = """
import resource, signal, sys
from producer import Producer, SpoolUnusable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
producer = Producer(sys.argv[1], spool=sys.argv[2])
record = lambda: producer.cleanup_executed("s", "r" * 3000, "delete", True)
record()
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
recorded = 1
try:
    while True:
        record()
        recorded += 1
except SpoolUnusable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert record().seq == recorded + 1
producer.close(timeout=0)
print(recorded + 1)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, AWAY, str(place)], capture_output=True, text=True, check=True
    )
    said, recorded = ran.stdout.splitlines()
    assert "cannot be used: " in said
    assert "full" in said or "I/O" in said
    (again,) = adopted(place)
    assert numbers(again) == list(range(1, int(recorded) + 1))
    again.close()


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolUnusable, match=f"{tmp_path}/file/spool cannot be used: {os.strerror(errno.ENOTDIR)}"):
        Producer(AWAY, spool=tmp_path / "file" / "spool")


@pytest.mark.parametrize("where", ["/proc/spool", "/dev/null"])
def test_a_directory_that_cannot_be_written_is_said(where: str) -> None:
    with pytest.raises(SpoolUnusable, match=f"{where} cannot be used: ") as trouble:
        Producer(AWAY, spool=where)
    assert isinstance(trouble.value, Unavailable)


def test_a_read_only_file_system_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write where modes forbid it: what the system says is made up here."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(SpoolLock, "take", refuse)
    with pytest.raises(SpoolUnusable, match="Read-only file system"):
        Producer(AWAY, spool=place)


# -- damage --


def scribble(path: Path, at: int, size: int = 64) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * size)


def test_a_bit_that_flips_in_an_operation_costs_that_one_and_is_said(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = left(place)
    content = path.read_bytes()
    at = content.index(b"00007")
    scribble(path, at + 4, 1)
    (spool,) = adopted(place)
    with pytest.raises(SpoolDamaged, match="checksum of operation 8 is wrong"):
        spool.batch(MANY, MANY)
    spool.close()
    saved = SpoolDirectory(place).rescue(path)
    assert saved is not None
    assert numbers(saved) == [number for number in range(1, 21) if number != 8]
    assert saved.identity.by == spool.identity.by
    (aside,) = place.glob("*.damaged")
    assert f"{path} was damaged: it is kept as {aside.name}; 19 operations that are intact were saved" in caplog.text
    assert aside.read_bytes()[at : at + 5] == content[at : at + 4] + b"\xa5"
    saved.close()


@pytest.mark.parametrize("page", range(3, 7))
def test_a_page_that_was_overwritten_costs_what_stood_there(place: Path, page: int) -> None:
    path = left(place, 100)
    scribble(path, page * 4096, 4096)
    saved = rescued(place, path)
    found = numbers(saved)
    assert found == sorted(set(found))
    assert 70 <= len(found) < 100
    assert len(list(place.glob("*.damaged"))) == 1
    saved.close()


def rescued(place: Path, path: Path) -> SpoolQueue:
    """What stands in the place of the damaged file, whenever the damage is noticed."""
    (spool,) = adopted(place)
    if spool.path == path:
        with pytest.raises(SpoolDamaged):
            spool.batch(MANY, MANY)
        spool.close()
        saved = SpoolDirectory(place).rescue(path)
        assert saved is not None
        return saved
    return spool


def test_a_file_that_is_no_spool_any_more_is_put_aside_and_the_others_do_not_suffer(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = left(place)
    path.write_bytes(b"no database at all" * 1000)
    other = left(place, 3)
    (spool,) = adopted(place)
    assert (spool.path, numbers(spool)) == (other, [1, 2, 3])
    spool.close()
    (aside,) = place.glob("*.damaged")
    assert aside.read_bytes() == b"no database at all" * 1000
    assert "0 operations that are intact were saved" in caplog.text


def test_what_was_put_aside_before_is_not_overwritten(place: Path) -> None:
    path = left(place)
    path.write_bytes(b"second" * 1000)
    path.with_suffix(".damaged").write_bytes(b"first")
    assert adopted(place) == []
    assert sorted(aside.read_bytes()[:5] for aside in place.glob("*.damaged")) == [b"first", b"secon"]


def test_a_file_whose_log_was_torn_keeps_what_came_before(place: Path) -> None:
    """As after a loss of power: SQLite's own log ends in the middle of a page."""
    path = killed_in(place, "fill")
    log = path.with_name(path.name + "-wal")
    os.truncate(log, log.stat().st_size - 6000)
    (spool,) = adopted(place)
    found = numbers(spool)
    assert found == list(range(1, len(found) + 1))
    assert 90 <= len(found) < 100
    spool.close()


def test_a_file_whose_producer_died_while_it_made_it_is_nothing(place: Path) -> None:
    path = killed_in(place, "begin")
    assert path.exists()
    assert adopted(place) == []
    assert files(place) == []


def killed_in(place: Path, what: str) -> Path:
    """The file of a process that was killed: before it had finished it, or with a hundred operations in it."""
    program = f"""
import os, signal, sys
from pathlib import Path
from producer.identity import Identity
from producer.spool import file
from producer.spool.directory import SpoolDirectory
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if {what!r} == "begin":
    file.connect = lambda *a, connect=file.connect: Dying(connect(*a))
class Dying:
    def __init__(self, connection):
        self.connection = connection
    def execute(self, statement, *more):
        if statement == "COMMIT":
            die()
        return self.connection.execute(statement, *more)
spool = SpoolDirectory(sys.argv[1]).create(Identity(), "otters")
for number in range(100):
    spool.append(b"x" * 500, at=5)
die()
"""
    ran = subprocess.run([sys.executable, "-c", program, str(place)], capture_output=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    (path,) = place.glob("*.spool")
    return path


def test_a_newer_process_does_not_touch_what_cannot_be_saved_now(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full, say: the damaged file stays as it is, for another time."""
    path = left(place)
    content = b"damaged" * 1000
    path.write_bytes(content)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("producer.spool.rescue.shutil.copyfile", refuse)
    assert adopted(place) == []
    assert "No space left on device" in caplog.text
    assert path.read_bytes() == content
    monkeypatch.undo()
    assert adopted(place) == []
    assert [aside.read_bytes() for aside in place.glob("*.damaged")] == [content]


# -- whose it is --


def test_a_file_that_is_in_use_is_neither_adopted_nor_opened(spool: SpoolQueue, place: Path) -> None:
    fill(spool, 3)
    assert adopted(place) == []
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('DELETE FROM operation')"
    ran = subprocess.run([sys.executable, "-c", program, spool.path], capture_output=True, text=True, check=False)
    assert ran.stderr.endswith("database is locked\n")
    assert numbers(spool) == [1, 2, 3]


def test_a_forked_child_that_lets_go_of_a_spool_does_not_tidy_up_its_parent_s_file(place: Path) -> None:
    held = [created(place)]
    fill(held[0], 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        held.clear()
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    assert files(place) == ["lock", "spool", "spool-wal"]
    fill(held[0], 2)
    held[0].close()
    (again,) = adopted(place)
    assert numbers(again) == [1, 2, 3, 4, 5]
    again.close()


def test_a_lock_is_taken_by_one_and_free_again_when_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not SpoolLock.is_held(path)
    lock = SpoolLock.take(path)
    assert lock is not None
    assert SpoolLock.is_held(path)
    assert SpoolLock.take(path) is None
    lock.release()
    assert not SpoolLock.is_held(path)
    again = SpoolLock.take(path)
    assert again is not None
    again.remove()
    assert not path.exists()


def test_a_survey_shows_what_waits_and_disturbs_nobody(spool: SpoolQueue, place: Path) -> None:
    fill(spool, 5, size=100)
    spool.remove(spool.batch(2, MANY), acked=0)
    spool.tend()
    dead = left(place, 4, size=50)
    damaged = left(place, 1)
    damaged.write_bytes(b"?" * 9000)
    survey = Survey.of(SpoolDirectory(place))
    found = {file.path: file for file in survey.files}
    live, gone, broken = found[spool.path], found[dead], found[damaged]
    assert live.held
    assert live.waiting is not None
    assert (live.waiting.by, live.waiting.operations, live.waiting.bytes) == (spool.identity.by, 3, 300)
    assert live.waiting.oldest_at == 1002
    assert not gone.held
    assert gone.waiting is not None
    assert (gone.waiting.operations, gone.waiting.bytes, gone.waiting.oldest_at) == (4, 200, 1000)
    assert broken.waiting is None
    assert "is damaged" in (broken.trouble or "")
    assert (survey.operations, survey.left_behind.total()) == (7, 4)
    assert damaged.read_bytes() == b"?" * 9000
    assert numbers(spool) == [3, 4, 5]


# -- imports --


@pytest.mark.parametrize("modules", ["sqlite3", "producer.spool.spool_queue", "producer.delivery.forwarder"])
def test_who_needs_no_spool_loads_none(modules: str) -> None:
    program = f"import sys, producer; producer.Producer('redis://h').close(); print({modules!r} in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
