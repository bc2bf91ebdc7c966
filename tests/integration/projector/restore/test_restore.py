"""A restore brings log and projection back as they were archived, on an empty server alone, and survives kill -9."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from producer import Producer
from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.bounds import Bounds
from projector.commit.link import Link
from projector.errors import ProjectorError, Superseded
from projector.evidence.examination import examine
from projector.keys import Keys
from projector.restore import Restored, restore
from projector.retention import Retention
from projector.shadow import rebuild
from projector.snapshot import Snapshots
from projector.verification import verify
from tests.support.archives import segments_read
from tests.support.commands import projector
from tests.support.projection import Log, completed, raw_entries, started

pytestmark = pytest.mark.server


def archived(log: Log, where: Path) -> Archive:
    """Three segments, with a run in flight, a quarantined entry and a producer's numbers among their entries."""
    for number in range(3):
        log.add_completions(4, f"a{number}")
        log.add(started(f"flying{number}", f"run{number}"))
        log.add("no operation")
        log.add(completed("numbered"), "by", "host:1:ab", "seq", number + 1)
        log.drain()
        Archiver(log.client, Archive.at(str(where), log.namespace)).once()
    log.drain()
    return Archive.at(str(where), log.namespace)


def lose(log: Log) -> None:
    """The server and its disk are gone: nothing of the namespace is left."""
    for key in log.client.scan_iter(match=f"{{{log.namespace}}}:*"):
        log.client.delete(key)


def restored(log: Log, archive: Archive, age_ms: int = 10**9, entries: int = 0) -> Restored:
    return restore(archive, log.client, bounds=Bounds(), retention=Retention(age_ms=age_ms, entries=entries))


def test_log_and_projection_are_as_they_were_archived_and_go_on(log: Log, tmp_path: Path) -> None:
    archive = archived(log, tmp_path)
    log.client.xtrim(log.key("wal"), minid=archive.last_id, approximate=False)
    lose(log)
    outcome = restored(log, archive)
    assert (outcome.last_id, outcome.entries, outcome.kept) == (archive.last_id, 23, 23)
    entries = [entry for number in (1, 2, 3) for entry in archive.entries(number)]
    assert [tuple(entry) for entry in raw_entries(log.client, log.key("wal"))] == entries
    assert log.client.xinfo_stream(log.key("wal"))["entries-added"] == 23
    assert log.client.keys(f"{{{log.namespace}}}:rebuild:*") == []
    assert verify(log.client, log.namespace).identical
    assert log.projection() == log.replayed()
    log.add(completed("numbered"), "by", "host:1:ab", "seq", 5)  # number 4 was acknowledged, and is gone
    log.drain()
    assert verify(log.client, log.namespace).identical
    assert log.checkpoint("missing") == "1"
    assert log.totals()["total_executions"] == 16
    Archiver(log.client, Archive.at(str(tmp_path), log.namespace)).once()
    found = examine(Archive.at(str(tmp_path), log.namespace), log.client)
    assert (found.intact, found.segments) == (True, 4), found


def test_the_log_gets_what_the_retention_keeps_and_at_least_the_last_entry(log: Log, tmp_path: Path) -> None:
    archive = archived(log, tmp_path)
    for kept, expected in (({"age_ms": 0, "entries": 9}, 9), ({"age_ms": 0}, 1), ({"entries": 1}, 23)):
        lose(log)
        outcome = restored(log, archive, **kept)
        length = log.client.xlen(log.key("wal"))
        assert expected <= length == outcome.kept <= 23
        assert log.checkpoint("trimmed") == str(23 - length)
        assert log.client.xinfo_stream(log.key("wal"))["entries-added"] == 23
        log.add_completions(3)
        log.drain()
        assert log.entries() == 26
        assert verify(log.client, log.namespace, archive=str(tmp_path)).identical


def test_a_snapshot_spares_the_segments_before_it(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = archived(log, tmp_path)
    Snapshots(archive.place).take(archive, Bounds())
    lose(log)
    read = segments_read(monkeypatch)
    restored(log, archive, age_ms=0)
    assert 3 in read
    assert 1 not in read
    monkeypatch.undo()
    log.drain()
    assert verify(log.client, log.namespace, archive=str(tmp_path), from_archive=True).identical


def test_a_loss_that_was_accepted_is_still_on_record(log: Log, tmp_path: Path) -> None:
    archived(log, tmp_path)
    entry_ids = [log.add(completed("a")) for _ in range(3)]
    log.drain()
    log.client.xdel(log.key("wal"), *entry_ids[:2])
    rebuild(log.client, log.namespace, accept_loss="a slip", archive=str(tmp_path))
    Archiver(log.client, Archive.at(str(tmp_path), log.namespace)).once()
    lose(log)
    archive = Archive.at(str(tmp_path), log.namespace)
    restored(log, archive, age_ms=0)
    assert log.checkpoint("lost") == "2"
    log.add_completions(1)
    log.drain()
    assert verify(log.client, log.namespace, archive=str(tmp_path)).identical
    assert examine(archive, log.client).intact


def test_a_namespace_with_any_key_is_refused_and_left_as_it_is(log: Log, tmp_path: Path) -> None:
    archive = archived(log, tmp_path)
    log.add_completions(1)
    before = log.client.keys(f"{{{log.namespace}}}:*")
    with pytest.raises(ProjectorError, match=r"expected a server without keys of namespace .*, found \d+ keys"):
        restored(log, archive)
    assert sorted(log.client.keys(f"{{{log.namespace}}}:*")) == sorted(before)
    lose(log)
    log.client.set(log.key("heartbeat:host:1:ab"), "1")
    with pytest.raises(ProjectorError, match="heartbeat"):
        restored(log, archive)


def test_an_entry_that_a_producer_appends_meanwhile_is_not_replaced(log: Log, tmp_path: Path) -> None:
    archive = archived(log, tmp_path)
    lose(log)

    def produce(_done: int, _total: int) -> None:
        if not log.client.exists(log.key("wal")):
            log.add(completed("new"))

    with pytest.raises(ProjectorError, match="wal"):
        restore(
            archive,
            log.client,
            bounds=Bounds(),
            retention=Retention(age_ms=10**9),
            progress=produce,
        )
    assert log.client.xlen(log.key("wal")) == 1


class _Killed(BaseException):
    pass


def test_a_restore_killed_at_any_call_to_the_server_is_completed_by_the_next(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every fifth, by an exception: at each of them, by SIGKILL, in archive_faults/test_killed.py."""
    archive = archived(log, tmp_path)
    lose(log)
    restored(log, archive)
    whole = log.projection()
    real, calls = Link._translated, 0

    def translated(link: Link, act: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls -= 1
        if calls < 0:
            link.close()
            raise _Killed
        return real(link, act, *arguments)

    for limit in range(0, 1000, 5):
        lose(log)
        calls = limit
        monkeypatch.setattr(Link, "_translated", translated)
        try:
            restored(log, archive)
            assert limit > 20
            return
        except (_Killed, Superseded):  # the latter by giving the lease back over what was closed
            pass
        monkeypatch.setattr(Link, "_translated", real)
        restored(log, archive)
        assert log.projection() == whole, limit
        assert log.client.xlen(log.key("wal")) == 23


def test_a_restore_broken_off_in_the_log_appends_where_that_one_ended(log: Log, tmp_path: Path) -> None:
    archive = archived(log, tmp_path)
    lose(log)
    staged = Keys(log.namespace, shadow=True).prefixed(b"wal")
    for entry_id, fields in archive.entries(1):
        log.client.execute_command("XADD", staged, entry_id, *fields)
    restored(log, archive)
    assert log.client.xlen(log.key("wal")) == 23
    lose(log)
    log.client.execute_command("XADD", staged, archive.entries(1)[0][0], "op", "of another log")
    restored(log, archive)
    assert log.client.xlen(log.key("wal")) == 23
    assert verify(log.client, log.namespace).identical


def test_the_command_says_what_it_did_and_what_comes_next(log: Log, tmp_path: Path) -> None:
    archive = archived(log, tmp_path)
    lose(log)
    words = ["restore", "--archive", str(tmp_path), "--url", log.url, "--namespace", log.namespace]
    done = projector(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"restored: the projection stands at {archive.last_id}, 23 entries;")
    assert "next: start the projectors" in done.stdout
    again = projector(*words)
    assert (again.returncode, again.stdout.split(":")[0]) == (0, "restored before")
    empty = projector("restore", "--archive", str(tmp_path / "none"), "--url", log.url)
    assert empty.returncode == 1
    assert "is empty: name another" in empty.stderr


def test_the_same_producer_goes_on_under_its_numbers(log: Log, tmp_path: Path) -> None:
    with Producer(log.url, log.namespace) as producer:
        for _ in range(5):
            producer.action_execution_completed("a", success=True, duration_ms=1)
        log.drain()
        Archiver(log.client, Archive.at(str(tmp_path), log.namespace)).once()
        lose(log)
        restored(log, Archive.at(str(tmp_path), log.namespace))
        producer.action_execution_completed("a", success=True, duration_ms=1)
    log.drain()
    assert log.totals()["total_executions"] == 6
    assert (log.checkpoint("missing"), log.checkpoint("duplicates")) == ("0", "0")
