"""The archiver on a real server: what is projected becomes segments, whole, once, and of this log alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from producer.operations import ArchiveSealed, decode
from projector.archive import archiver as module
from projector.archive import draft
from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.archive.line import line_of
from projector.archive.manifest import manifest_name, segment_name
from projector.archive.merkle import root_of
from projector.archive.segment import packed, unpacked
from projector.entry_id import milliseconds_of
from projector.errors import ArchiveDamaged, ArchiveUnavailable, ServerUnavailable
from projector.evidence.examination import examine
from projector.shadow import rebuild
from projector.verification import verify
from tests.support.commands import projector
from tests.support.projection import Log, completed, fill, raw_entries
from tests.support.servers import Server

pytestmark = pytest.mark.server


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "archive")


@pytest.fixture
def archiver(log: Log, where: str) -> Callable[..., Archiver]:
    """A new archiver of the log, as another process would have it."""
    return lambda **options: Archiver(log.client, Archive.at(where, log.namespace), **options)


def logged(log: Log) -> list[tuple[bytes, list[bytes]]]:
    return [(entry_id, fields) for entry_id, fields in raw_entries(log.client, log.key("wal"))]


def seals(log: Log) -> list[ArchiveSealed]:
    found = [decode(fields[1]) for _, fields in logged(log) if b"archive_sealed" in fields[1]]
    return [operation for operation in found if isinstance(operation, ArchiveSealed)]


def test_all_that_is_projected_is_archived_once_and_the_log_and_status_tell_the_head(
    log: Log, where: str, archiver: Callable[..., Archiver]
) -> None:
    fill(log)
    log.drain()
    log.add_completions(3)  # which nobody has projected
    projected = logged(log)[:-3]
    told: list[tuple[int, int]] = []
    archived = archiver().once(lambda done, total: told.append((done, total)))
    archive = Archive.at(where, log.namespace)
    assert archive.after("", 1000) == projected
    assert (archived.entries, archived.segments, archived.head) == (len(projected), 1, archive.head)
    assert archived.last_id == log.checkpoint("last_id") == archive.last_id
    assert told[-1] == (len(projected), len(projected))
    newest = archive.newest()
    assert newest is not None
    assert (newest.least_time, newest.greatest_time) == (1, 1_790_000_000_005)
    assert newest.root == root_of(unpacked(archive.place.read(segment_name(1))))
    log.drain()
    assert (log.checkpoint("archive_head"), log.checkpoint("archive_last_id")) == (archive.head, archive.last_id)
    shown = projector("status", "--url", log.url, "--namespace", log.namespace).stdout
    assert archive.head in shown


def test_an_idle_log_gets_no_segment_for_the_words_of_the_archiver_alone(
    log: Log, archiver: Callable[..., Archiver]
) -> None:
    log.add_completions(2)
    log.drain()
    assert archiver().once().entries == 2
    for _ in range(3):
        log.drain()
        assert archiver().once().entries == 0
        waiting = archiver(seal_after=0)
        while waiting.step():
            pass
        assert waiting.archive.count == 1
    assert log.entries() == 3
    log.add_completions(1)
    log.drain()
    assert archiver().once().entries == 2


def test_segments_are_bounded_and_form_a_chain(
    log: Log, where: str, archiver: Callable[..., Archiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "MAX_ENTRIES", 10)
    monkeypatch.setattr(draft, "MAX_BYTES", 5000)
    monkeypatch.setattr(module, "_PAGE_ENTRIES", 7)
    log.add_completions(25)
    log.add(completed("a", output="x" * 9000))
    log.add_completions(2)
    log.drain()
    archived = archiver().once()
    archive = Archive.at(where, log.namespace)
    assert [manifest.entries for manifest in archive.manifests()] == [10, 10, 5, 1, 2]
    assert (archived.entries, archived.segments) == (28, 5)
    assert archive.after("", 100) == logged(log)[:28]
    assert [seal.entries for seal in seals(log)] == [28]


def test_a_segment_waits_for_more_entries_until_it_is_full_or_old(
    log: Log, archiver: Callable[..., Archiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    one = archiver(seal_after=600, monotonic=lambda: now)
    log.add_completions(5)
    log.drain()
    while one.step():
        pass
    assert one.archive.count == 0
    now = 599.0
    log.add_completions(5)
    log.drain()
    while one.step():
        pass
    assert one.archive.count == 0
    now = 600.0
    while one.step():
        pass
    assert one.archive.newest().entries == 10  # type: ignore[union-attr]
    monkeypatch.setattr(draft, "MAX_ENTRIES", 4)
    log.add_completions(5)
    log.drain()
    while one.step():
        pass
    assert one.archive.count == 2


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("arrived", [False, True])
def test_after_a_crash_at_any_file_the_next_archiver_completes_the_segment(
    log: Log, where: str, archiver: Callable[..., Archiver], call: int, arrived: bool
) -> None:
    fill(log)
    log.drain()
    broken = archiver()
    create, calls = broken.archive.place.create, 0

    def crashing(name: str, content: bytes) -> bool:
        nonlocal calls
        calls += 1
        if calls == call and not arrived:
            raise ArchiveUnavailable(name)
        create(name, content)
        if calls == call:
            raise ArchiveUnavailable(name)
        return True

    broken.archive.place.create = crashing  # type: ignore[method-assign]
    with pytest.raises(ArchiveUnavailable):
        broken.once()
    log.add_completions(5)  # so that the next one would cut other segments
    log.drain()
    projected = logged(log)
    archiver().once()
    archive = Archive.at(where, log.namespace)
    assert archive.after("", 1000) == projected
    assert sum(manifest.entries for manifest in archive.manifests()) == len(projected)
    assert [seal.head for seal in seals(log)] == [archive.head]


def test_the_log_is_told_of_a_manifest_by_the_next_archiver_and_once(
    log: Log, archiver: Callable[..., Archiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    log.add_completions(5)
    log.drain()

    def crash(*_: Any) -> None:
        raise ServerUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(Archiver, "_tell", crash)
        with pytest.raises(ServerUnavailable):
            archiver().once()
    assert seals(log) == []
    for _ in range(3):
        archiver().once()
    assert [seal.entries for seal in seals(log)] == [5]


def test_two_archivers_at_once_make_one_chain(log: Log, where: str, archiver: Callable[..., Archiver]) -> None:
    one, other = archiver(), archiver()
    for _ in range(3):
        for each in (one, other):
            log.add_completions(4)
            log.drain()
            while each.step(everything=True):
                pass
    archive = Archive.at(where, log.namespace)
    assert archive.after("", 1000) == logged(log)[: sum(each.entries for each in archive.manifests())]
    assert archive.last_id == max(one.archive.last_id, other.archive.last_id)


def test_a_segment_that_does_not_fit_the_log_is_named_and_stays(
    log: Log, where: str, archiver: Callable[..., Archiver]
) -> None:
    log.add_completions(5)
    log.drain()
    archiver().once()
    place = Archive.at(where, log.namespace).place
    content = place.read(segment_name(1))
    (sealed_id, _) = logged(log)[5]
    for wrong in (content, packed([line_of((sealed_id, [b"op", b"{}"]))]), b"", content[:-3]):
        Path(where, log.namespace, segment_name(2)).unlink(missing_ok=True)
        place.create(segment_name(2), wrong)
        log.add_completions(1)
        log.drain()
        with pytest.raises(ArchiveDamaged, match=r"segments/000000002\.jsonl\.zst: it has no manifest, and does not"):
            archiver().once()
        assert place.read(segment_name(2)) == wrong
        assert place.names("manifests") == [manifest_name(1).rpartition("/")[2]]


def test_the_archive_of_another_log_is_refused(log: Log, archiver: Callable[..., Archiver]) -> None:
    log.add_completions(5)
    log.drain()
    archiver().once()
    log.client.delete(*log.client.keys(f"{{{log.namespace}}}:*"))
    log.add_completions(3)
    log.drain()
    with pytest.raises(ArchiveDamaged, match="is not this log's: the log does not have its last entry"):
        archiver().once()


def test_a_log_that_has_other_entries_since_a_failover_is_refused(
    log: Log, archiver: Callable[..., Archiver]
) -> None:
    """Else the other entries would be trimmed, and they are not archived."""
    for entry_id in ("1-0", "2-0", "3-0"):
        log.add(completed("a"), entry_id=entry_id)
    log.drain()
    archiver().once()
    log.drain()
    log.client.delete(log.key("wal"))
    log.add(completed("a"), entry_id="1-0")
    archiver().once()  # what was lost is archived
    log.client.delete(log.key("wal"))
    log.add(completed("a"), entry_id="1-0")
    log.add(completed("b"), entry_id="2-5")
    with pytest.raises(ArchiveDamaged, match="the log does not have its last entry, 3-0, or others before it"):
        archiver().once()


def test_after_a_failover_to_a_clock_that_is_behind_new_entries_come_behind_the_archive(
    log: Log, archiver: Callable[..., Archiver], where: str
) -> None:
    """Else nobody would archive them, and a trim would take them."""
    later = milliseconds_of(log.add(completed("a"))) + 1_000_000
    log.drain()
    archiver().once()  # of which the log is told
    log.drain()
    survived = logged(log)
    for number in range(3):
        log.add(completed("a"), entry_id=f"{later + number}-0")
    log.drain()
    archiver().once()
    log.client.delete(*log.client.keys(f"{{{log.namespace}}}:*"))
    for entry_id, fields in survived:
        log.client.execute_command("XADD", log.key("wal"), entry_id, *fields)
    log.drain()
    archiver().step()
    log.add_completions(2)
    log.drain()
    archiver().once()
    assert all(entry in Archive.at(where, log.namespace).after("", 100) for entry in logged(log)[:-1])


def test_an_archive_that_lacks_the_head_which_the_log_knows_is_refused(
    log: Log, tmp_path: Path, archiver: Callable[..., Archiver]
) -> None:
    log.add_completions(5)
    log.drain()
    archiver().once()
    log.drain()
    empty = Archive.at(str(tmp_path / "other"), log.namespace)
    with pytest.raises(ArchiveDamaged, match="is not this log's: the log knows the head"):
        Archiver(log.client, empty).step()


def test_an_archive_whose_head_is_not_the_one_that_the_log_knows_is_refused(
    log: Log, archiver: Callable[..., Archiver]
) -> None:
    log.add_completions(5)
    log.drain()
    archiver().once()
    log.drain()
    log.client.hset(log.key("checkpoint"), "archive_head", "0" * 64)
    with pytest.raises(ArchiveDamaged, match="is not this log's: the log knows the head 0000"):
        archiver().once()


def test_an_archive_that_lacks_entries_which_were_trimmed_is_refused(
    log: Log, archiver: Callable[..., Archiver]
) -> None:
    log.add_completions(5)
    log.drain()
    log.client.xtrim(log.key("wal"), maxlen=2, approximate=False)
    log.client.hset(log.key("checkpoint"), "trimmed", 3)
    with pytest.raises(ArchiveDamaged, match="3 entries were trimmed from the log, and 0 are archived here"):
        archiver().once()


def test_a_log_that_was_trimmed_without_an_archive_gets_one_after_the_command_that_is_named(
    log: Log, archiver: Callable[..., Archiver], where: str
) -> None:
    log.add_completions(5)
    log.drain()
    log.client.xtrim(log.key("wal"), maxlen=2, approximate=False)
    log.client.hset(log.key("checkpoint"), "trimmed", 3)
    with pytest.raises(ArchiveDamaged, match=r'as lost with: projector rebuild --archive WHERE --accept-loss "why"'):
        archiver().once()
    rebuild(log.client, log.namespace, archive=where, accept_loss="trimmed without an archive")
    assert (archiver().once().entries, log.checkpoint("lost")) == (3, "3")


def test_the_command_archives_what_is_projected_and_says_where_the_archive_ends(log: Log, where: str) -> None:
    options = ["--url", log.url, "--namespace", log.namespace, "--archive", where]
    assert projector("archive", "once", *options).stdout == "nothing is projected yet, so nothing was archived\n"
    log.add_completions(5)
    log.drain()
    first, last_id = projector("archive", "once", *options), log.checkpoint("last_id")
    head = Archive.at(where, log.namespace).head
    ends = f"the archive ends at entry {last_id}, its head is {head}\n"
    assert first.stdout == f"archived 5 entries in 1 segment; {ends}"
    assert projector("archive", "once", *options).stdout == f"all was archived before; {ends}"
    found = json.loads(projector("archive", "once", "--json", *options).stdout)
    assert found == {"version": 1, "entries": 0, "segments": 0, "head": head, "last_id": last_id}


def test_the_command_without_a_place_is_a_usage_error(log: Log) -> None:
    ended = projector("archive", "once", "--url", log.url)
    assert ended.returncode == 2
    assert "WAL_ARCHIVE" in ended.stderr


def test_the_command_takes_a_snapshot_where_one_is_due(log: Log, where: str) -> None:
    log.add(completed("a"), entry_id="1-0")  # long ago
    log.add(completed("a"))
    log.drain()
    assert (
        projector("archive", "once", "--url", log.url, "--namespace", log.namespace, "--archive", where).returncode
        == 0
    )
    assert Archive.at(where, log.namespace).place.names("snapshots") == ["000000001.snapshot"]


def test_a_server_with_full_memory_that_cannot_be_told_is_archived_all_the_same(
    own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "MAX_ENTRIES", 10)
    with own_server.client() as client:
        log = Log(client, own_server.url, "full")
        log.add_completions(35)
        log.drain()
        client.config_set("maxmemory", 1)
        one = Archiver(client, Archive.at(str(tmp_path), "full"))
        for count in (1, 2, 3):
            assert one.step()
            assert one.archive.count == count
            assert one.archived_to == one.archive.last_id
        with pytest.raises(ServerUnavailable):
            one.step()
        client.config_set("maxmemory", 0)
        assert not one.step()
        assert [seal.entries for seal in seals(log)] == [30]


@pytest.mark.parametrize("told", [True, False])
def test_what_the_server_loses_after_it_was_archived_is_told_and_a_rebuild_takes_it_back_in(
    log: Log, archiver: Callable[..., Archiver], where: str, caplog: pytest.LogCaptureFixture, told: bool
) -> None:
    """As in a crash between two syncs of the server's disk, or in a failover."""
    log.add_completions(5)
    log.drain()
    if told:
        archiver().once()
        log.drain()
    survived: Any = {key: log.client.dump(key) for key in log.client.keys(f"{{{log.namespace}}}:*")}
    log.add_completions(4)
    log.drain()
    archiver().once()
    log.client.delete(*log.client.keys(f"{{{log.namespace}}}:*"))
    for key, value in survived.items():
        log.client.restore(key, 0, value)
    log.add_completions(2)
    log.drain()
    archiver().step()
    assert "the server has lost 4 entries that the archive has" in caplog.text
    archive = Archive.at(where, log.namespace)
    fault = examine(archive, log.client).fault
    assert fault is not None
    assert "4 entries of it the server has lost" in fault.found
    assert log.totals()["total_executions"] == 7
    rebuild(log.client, log.namespace, archive=where)
    assert log.totals()["total_executions"] == 11
    assert verify(log.client, log.namespace, archive=where).identical
    assert examine(archive, log.client).intact
    caplog.clear()
    archiver().step()
    assert "has lost" not in caplog.text
