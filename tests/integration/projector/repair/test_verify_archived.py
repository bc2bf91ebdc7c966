"""Verification of a log that is archived and trimmed: from the snapshot or the first segment, and while all move."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Event, Thread

import pytest

from projector.archive import draft
from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.bounds import Bounds
from projector.errors import InvalidQuery
from projector.retention import Retention
from projector.snapshot import Snapshots
from projector.verification import Difference, Verification, verify
from tests.support.archives import segments_read
from tests.support.archiving import archive, three_segments, trim
from tests.support.commands import projector
from tests.support.projecting import running
from tests.support.projection import Log, completed
from tests.support.servers import eventually

pytestmark = pytest.mark.server


@pytest.fixture
def trimmed(log: Log, tmp_path: Path) -> Archive:
    """Three segments; a snapshot after the second; all but the last entry of the third left the log."""
    found = three_segments(log, tmp_path)
    assert trim(log, found) > 100
    log.add_completions(5)
    log.drain()
    return found


def verified(log: Log, found: Archive, *, from_archive: bool = False) -> Verification:
    where = str(Path(str(found.place)).parent)
    return verify(log.client, log.namespace, archive=where, from_archive=from_archive)


def test_a_trimmed_log_is_verified_from_the_snapshot_or_from_the_first_segment(
    log: Log, trimmed: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = segments_read(monkeypatch)
    for from_archive, expected in ((False, [3]), (True, [1, 2, 3])):
        outcome = verified(log, trimmed, from_archive=from_archive)
        assert outcome.identical, outcome.differences
        assert (outcome.at, outcome.entries) == (log.checkpoint("last_id"), log.entries())
        assert read == expected
        read.clear()


def test_a_bad_snapshot_is_passed_over(log: Log, trimmed: Archive, caplog: pytest.LogCaptureFixture) -> None:
    (file,) = Path(f"{trimmed.place}/snapshots").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert verified(log, trimmed).identical
    assert f"{file} is passed over" in caplog.text


def test_without_the_archive_a_trimmed_log_is_refused_and_not_called_different(log: Log, trimmed: Archive) -> None:
    count = int(log.checkpoint("trimmed"))
    with pytest.raises(InvalidQuery, match=rf"because {count} entries were trimmed from the log \(--archive WHERE\)"):
        verify(log.client, log.namespace)
    empty = str(Path(str(trimmed.place)).parent / "mistyped")
    with pytest.raises(InvalidQuery, match=f"{count} entries were trimmed .*, found 'nothing archived at {empty}"):
        verify(log.client, log.namespace, archive=empty, from_archive=True)
    command = ("verify", "--url", log.url, "--namespace", log.namespace)
    assert projector(*command).returncode == 2
    where = str(Path(str(trimmed.place)).parent)
    assert projector(*command, "--archive", where, "--from-archive").stdout.startswith("identical at ")
    assert "--from-archive takes an archive" in projector(*command, "--from-archive").stderr


def test_what_somebody_changed_is_found_behind_the_snapshot(log: Log, trimmed: Archive) -> None:
    log.client.hincrby(log.key("totals"), "successes", 1)
    (difference,) = verified(log, trimmed).differences
    assert (difference.key, difference.field) == (log.key("totals"), "successes")


def test_entries_that_left_the_log_uncounted_are_named(log: Log, trimmed: Archive, tmp_path: Path) -> None:
    archive(log, tmp_path)
    count = int(log.checkpoint("trimmed"))
    log.client.xtrim(log.key("wal"), minid=log.checkpoint("last_id"), approximate=False)
    (difference,) = verified(log, trimmed).differences
    assert difference.key == log.key("wal")
    assert (difference.expected, int(difference.found or 0) > count) == (str(count), True)


def test_a_log_that_was_trimmed_beyond_its_archive_is_named(log: Log, trimmed: Archive) -> None:
    Path(f"{trimmed.place}/manifests/000000003.json").unlink()
    outcome = verified(log, trimmed)
    assert isinstance(outcome.differences[0], Difference)
    assert not outcome.identical


def test_an_archiver_a_trim_and_a_projector_at_work_disturb_no_verification(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "MAX_ENTRIES", 40)
    monkeypatch.setattr("projector.verification.verification._LOG_PAGE", 7)
    log.bounds = Bounds(max_entries=20, max_actions=4)
    done = Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            log.add(completed(f"b{number % 9}", number % 5 > 0))
            number += 1

    def archive_on() -> None:
        archiver, bounds = Archiver(log.client, Archive.at(str(tmp_path), log.namespace)), log.bounds or Bounds()
        while not done.is_set():
            archiver.step(everything=True)
            if archiver.archive.count % 5 == 1:
                Snapshots(archiver.archive.place).take(archiver.archive, bounds)

    def archived_to() -> str:
        return Archive.at(str(tmp_path), log.namespace).last_id

    monkeypatch.setattr("projector.worker.session._INSPECTION_SECONDS", 0.02)
    threads = [Thread(target=write), Thread(target=archive_on)]
    outcomes, found = [], Archive.at(str(tmp_path), log.namespace)
    with running(log.projector(retention=Retention(), archived_to=archived_to)):
        for thread in threads:
            thread.start()
        try:
            eventually(lambda: int(log.checkpoint("trimmed") or 0) > 200, what="a trim")
            trimmed = log.checkpoint("trimmed")
            for number in range(6):
                outcomes.append(verified(log, found, from_archive=number % 2 == 0))
            eventually(lambda: log.checkpoint("trimmed") != trimmed, what="a trim meanwhile")
        finally:
            done.set()
            for thread in threads:
                thread.join()
    assert all(outcome.identical for outcome in outcomes), [outcome.differences for outcome in outcomes]
    assert any(outcome.moved for outcome in outcomes)
    assert re.match(r"[0-9]+-[0-9]+", outcomes[-1].at)


def test_a_first_segment_and_a_trim_that_come_meanwhile_are_seen(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.add_completions(30)
    log.drain()

    def meanwhile(_snapshots: Snapshots, found: Archive, *_: object, **__: object) -> None:
        assert found.count == 0
        assert trim(log, archive(log, tmp_path)) > 0

    monkeypatch.setattr(Snapshots, "newest", meanwhile)
    outcome = verify(log.client, log.namespace, archive=str(tmp_path))
    assert outcome.identical, outcome.differences


def test_what_differs_from_an_archived_log_is_repaired_with_its_archive(log: Log, trimmed: Archive) -> None:
    where = str(Path(str(trimmed.place)).parent)
    log.client.hset(log.key("totals"), "failures", 999)
    shown = projector("verify", "--archive", where, "--url", log.url, "--namespace", log.namespace).stdout
    assert f"repair it with: projector rebuild --archive WHERE --namespace {log.namespace}\n" in shown
