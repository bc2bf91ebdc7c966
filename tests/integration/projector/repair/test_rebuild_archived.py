"""Rebuilds from an archive: from its snapshot or its first segment, of a log that was trimmed or deleted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.bounds import Bounds
from projector.commit.link import Link
from projector.doctor import Finding, Severity
from projector.doctor import examine as examine_server
from projector.entry_id import order_of
from projector.errors import ArchiveDamaged, InvalidQuery, LossesFound, Superseded
from projector.evidence.examination import examine
from projector.shadow import Rebuilt, rebuild
from projector.shadow import history_writer as writer
from projector.shadow.rebuild import _Rebuild
from projector.verification import verify
from tests.support.archives import seal, segments_read
from tests.support.archiving import archive, three_segments, trim
from tests.support.commands import projector
from tests.support.projection import Log, completed, fill, raw_entries

pytestmark = pytest.mark.server


@pytest.fixture
def found(log: Log, tmp_path: Path) -> Archive:
    """Three segments of a log that nobody has trimmed; a snapshot after the second; five entries are not archived."""
    found = three_segments(log, tmp_path)
    log.add_completions(5)
    log.drain()
    return found


def rebuilt(log: Log, found: Archive, **options: Any) -> Rebuilt:
    return rebuild(log.client, log.namespace, archive=str(Path(str(found.place)).parent), **options)


def assert_whole(log: Log, found: Archive) -> None:
    """The projection is the fold from the archive's first segment, and a projector goes on from it."""
    assert verified(log, found)
    log.add_completions(3)
    assert log.drain() == 3
    assert verified(log, found)


def verified(log: Log, found: Archive) -> bool:
    outcome = verify(log.client, log.namespace, archive=str(Path(str(found.place)).parent), from_archive=True)
    assert outcome.identical, outcome.differences
    return True


def diagnosed(log: Log, check: str) -> list[Finding]:
    found = examine_server(log.client, log.namespace, seconds=0)
    return [finding for finding in found if finding.check == check]


def test_a_trimmed_log_is_rebuilt_from_the_snapshot_to_the_same_projection(
    log: Log, found: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    trim(log, found)
    live = log.projection()
    read = segments_read(monkeypatch)
    done: list[int] = []
    outcome = rebuilt(log, found, progress=lambda entries, _total: done.append(entries))
    assert outcome == Rebuilt(log.checkpoint("last_id"), log.entries(), 0, False)
    assert (log.projection(), done[-1]) == (live, log.entries())
    assert read[0] == 3
    assert_whole(log, found)


def test_other_bounds_are_folded_from_the_first_segment(log: Log, found: Archive) -> None:
    everything = [*raw_entries(log.client, log.key("wal"))]
    trim(log, found)
    rebuilt(log, found, changes={"max_entries": 7})
    log.bounds = Bounds(max_entries=7, max_actions=4)
    expected = log.replayed(everything)
    expected[log.key("checkpoint")][b"trimmed"] = log.checkpoint("trimmed").encode()
    assert log.projection() == expected
    assert_whole(log, found)


def test_without_the_archive_a_trimmed_log_is_refused_and_the_error_names_it(log: Log, found: Archive) -> None:
    trim(log, found)
    live = log.projection()
    with pytest.raises(LossesFound, match="rebuild --archive WHERE"):
        log.rebuild()
    shadow = {key for key in log.projection() if ":rebuild:" in key}
    assert {key: value for key, value in log.projection().items() if key not in shadow} == live
    command = (
        "rebuild",
        "--url",
        log.url,
        "--namespace",
        log.namespace,
        "--archive",
        str(Path(str(found.place)).parent),
    )
    ended = projector(*command)
    assert (ended.returncode, ended.stdout.partition(":")[0]) == (0, "rebuilt")
    assert log.projection() == live


def test_entries_that_somebody_deleted_come_back_from_the_archive(log: Log, found: Archive) -> None:
    live = log.projection()
    count = log.client.xtrim(log.key("wal"), minid=found.last_id, approximate=False)
    assert rebuilt(log, found).lost == 0
    assert log.checkpoint("trimmed") == str(count)
    live[log.key("checkpoint")][b"trimmed"] = str(count).encode()
    assert log.projection() == live
    assert_whole(log, found)


@pytest.mark.parametrize("trimmed", [False, True])
@pytest.mark.parametrize("new", [0, 4])
def test_a_log_that_was_deleted_comes_back_as_far_as_it_was_archived(
    log: Log, found: Archive, new: int, trimmed: bool
) -> None:
    if trimmed:
        trim(log, found)
    entries = log.entries()
    log.client.delete(log.key("wal"))
    log.add_completions(new)
    with pytest.raises(LossesFound, match=rf": 5 entries are lost, from {found.last_id} to "):  # not the last seal
        rebuilt(log, found)
    outcome = rebuilt(log, found, accept_loss="somebody deleted the log")
    assert (outcome.lost, outcome.accepted) == (5, 5)
    assert log.entries() >= entries + new
    assert_whole(log, found)


@pytest.mark.parametrize("new", [0, 4])
def test_a_trimmed_log_that_was_deleted_comes_back_as_far_as_it_was_archived(
    log: Log, found: Archive, new: int
) -> None:
    trim(log, found)
    log.client.delete(log.key("wal"))
    log.add_completions(new)
    with pytest.raises(LossesFound, match=rf": 5 entries are lost, from {found.last_id} to "):  # not the last seal
        rebuilt(log, found)
    assert rebuilt(log, found, accept_loss="somebody deleted the log").lost == 5
    assert_whole(log, found)
    assert rebuilt(log, found).lost == 5
    assert log.checkpoint("lost") == "5"


def test_archiving_goes_on_after_a_log_was_deleted_with_all_that_told_of_its_one_segment(
    log: Log, tmp_path: Path
) -> None:
    fill(log)
    found = archive(log, tmp_path)
    trim(log, found)
    log.client.delete(log.key("wal"))
    log.add_completions(4)
    assert rebuilt(log, found).lost == 0
    assert archive(log, tmp_path).count == 2
    assert_whole(log, Archive.at(str(tmp_path), log.namespace))


def test_a_log_that_was_deleted_when_all_was_archived_comes_back_whole(
    log: Log, found: Archive, tmp_path: Path
) -> None:
    archive(log, tmp_path)
    totals = log.totals()
    log.client.delete(log.key("wal"))
    log.client.delete(log.key("checkpoint"))  # which has read one seal more
    assert rebuilt(log, found, changes={"max_entries": 20, "max_actions": 4}).lost == 0
    assert log.totals() == totals
    assert_whole(log, found)


@pytest.mark.parametrize("new", [0, 4])
@pytest.mark.parametrize("segments", [1, 2])
def test_a_log_deleted_when_all_was_archived_lacks_only_what_the_archiver_said_which_is_said_again(
    log: Log, tmp_path: Path, segments: int, new: int
) -> None:
    for _ in range(segments):
        log.add_completions(10)
        found = archive(log, tmp_path)
    entries, totals = log.entries(), log.totals()
    log.client.delete(log.key("wal"))
    log.add_completions(new)
    outcome = rebuilt(log, found)
    assert (outcome.entries, outcome.lost, log.checkpoint("archive_head")) == (entries + new, 0, found.head)
    assert log.totals()["total_executions"] == totals["total_executions"] + new
    assert [each.severity for each in diagnosed(log, "deleted-entries")] == [Severity.OK]
    assert examine(found, log.client).intact
    assert rebuilt(log, found).entries == entries + new
    assert_whole(log, found)
    assert archive(log, tmp_path).count == segments + 1


def test_what_is_said_again_counts_once_when_the_rebuild_is_broken_off_and_repeated(log: Log, tmp_path: Path) -> None:
    log.add_completions(10)
    found = archive(log, tmp_path)
    entries = log.entries()
    log.client.delete(log.key("wal"))
    assert verify(log.client, log.namespace, archive=str(tmp_path)).losses is None
    for _ in range(2):
        with mock.patch.object(_Rebuild, "_swap", side_effect=Superseded("killed")), pytest.raises(Superseded):
            rebuilt(log, found)
        assert verify(log.client, log.namespace, archive=str(tmp_path)).losses is None
    assert rebuilt(log, found).entries == entries
    assert log.client.xlen(log.key("wal")) == 1
    assert_whole(log, found)


def test_a_loss_behind_the_archives_end_counts_once_when_its_acceptance_is_broken_off(
    log: Log, found: Archive
) -> None:
    log.client.delete(log.key("wal"))
    with mock.patch.object(_Rebuild, "_swap", side_effect=Superseded("killed")), pytest.raises(Superseded):
        rebuilt(log, found, accept_loss="somebody deleted the log")
    outcome = rebuilt(log, found)
    assert (outcome.lost, outcome.accepted) == (5, 0)
    assert_whole(log, found)


def test_what_was_deleted_before_it_was_archived_is_not_said_to_lie_behind_the_archives_end(
    log: Log, tmp_path: Path
) -> None:
    log.add_completions(3)
    gone = log.add(completed("a"))
    log.add_completions(3)
    log.drain()
    log.client.xdel(log.key("wal"), gone)
    found = Archive.at(str(tmp_path), log.namespace)
    Archiver(log.client, found).once()
    with pytest.raises(LossesFound) as refused:
        rebuilt(log, found)
    first = re.search(r"1 entry is lost, from (\S+) to", str(refused.value))
    assert first is not None
    assert order_of(first[1]) < order_of(gone)


def test_a_rebuild_from_the_archive_that_refuses_does_not_advise_itself(log: Log, found: Archive) -> None:
    log.client.delete(log.key("wal"))
    with pytest.raises(LossesFound) as refused:
        rebuilt(log, found)
    commands = re.findall("projector (rebuild[^;)]*)", str(refused.value))
    assert commands == [f'rebuild --archive WHERE --accept-loss "why" --namespace {log.namespace}']


def test_of_an_archived_log_the_error_says_that_what_left_it_is_archived(log: Log, found: Archive) -> None:
    log.client.xdel(log.key("wal"), found.last_id)  # by hand: no projector has trimmed it
    rebuilt(log, found)
    (finding,) = diagnosed(log, "deleted-entries")
    assert finding.found == "none (1 no longer in the log, and archived)"
    (finding,) = diagnosed(log, "trimming")
    assert finding.found == "1 entry no longer in the log, and archived; no run holds trimming back"
    with pytest.raises(LossesFound, match="wal: 1 entry is no longer in the log, and archived; the projection"):
        log.rebuild()


def test_a_deleted_projection_and_a_bad_snapshot_are_no_matter(log: Log, found: Archive) -> None:
    trim(log, found)
    live = log.projection()
    log.client.delete(*live)
    for file in Path(f"{found.place}/snapshots").iterdir():
        file.write_bytes(b"nonsense")
    rebuilt(log, found, changes={"max_entries": 20, "max_actions": 4})
    assert log.projection() == live
    assert_whole(log, found)


@pytest.mark.parametrize("sizes", [(3, 3), (5,)], ids=["another entry", "another chain"])
def test_an_archive_of_another_log_is_refused(
    log: Log, found: Archive, tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    live, entries = log.projection(), [*raw_entries(log.client, log.key("wal"))]
    if len(sizes) > 1:
        entries[5] = (entries[5][0], [b"op", b"another"])
    else:
        entries = [*entries[:5], *found.after("", 1000)[5:]]
        sizes = (len(entries),)
    other = Archive.at(str(tmp_path / "other"), log.namespace)
    for size in sizes:
        seal(other, entries[:size])
        del entries[:size]
    with pytest.raises(ArchiveDamaged, match="is not this log's: it has another history"):
        rebuilt(log, other)
    assert log.projection() == live


def test_an_archive_that_ends_between_entries_of_the_log_is_refused(log: Log, tmp_path: Path) -> None:
    """Else the fold would go on behind its end, and the entries before that would be counted no more."""
    for entry_id in ("1-0", "2-0", "3-0"):
        log.add(completed("a"), entry_id=entry_id)
    log.drain()
    live = log.projection()
    other = Archive.at(str(tmp_path), log.namespace)
    seal(other, [(b"1-5", [b"op", completed("b").encode()]), (b"2-5", [b"op", completed("b").encode()])])
    with pytest.raises(ArchiveDamaged, match="is not this log's: it has another history up to entry 2-5"):
        rebuilt(log, other)
    assert log.projection() == live


def test_of_a_trimmed_log_an_archive_without_the_head_that_the_log_knows_is_refused(
    log: Log, found: Archive, tmp_path: Path
) -> None:
    """Else another log's history would take the place of this one's, and no entry would seem to be lost."""
    trim(log, found)
    live = log.projection()
    other = Archive.at(str(tmp_path / "other"), log.namespace)
    seal(other, [(b"%d-0" % number, [b"op", completed("b").encode()]) for number in range(1, log.entries())])
    with pytest.raises(ArchiveDamaged, match=f"it has another history up to entry {found.last_id}"):
        rebuilt(log, other)
    assert log.projection() == live


def test_a_loss_is_accepted_only_beside_the_archive_which_may_have_what_is_gone(log: Log, found: Archive) -> None:
    """Else what is archived would count once more, as lost, in whatever is folded from the archive later."""
    trim(log, found)
    with pytest.raises(InvalidQuery, match=f"the log's archive, .* up to entry {found.last_id}, is not lost"):
        rebuild(log.client, log.namespace, accept_loss="why not")
    assert rebuilt(log, found, accept_loss="why not").lost == 0
    assert_whole(log, found)


def test_of_an_archive_that_is_gone_all_may_be_accepted_as_lost(log: Log, found: Archive, tmp_path: Path) -> None:
    count = trim(log, found)
    outcome = rebuild(log.client, log.namespace, accept_loss="its disk is gone", archive=str(tmp_path / "empty"))
    assert (outcome.lost, log.checkpoint("lost"), log.checkpoint("trimmed")) == (count, str(count), "0")
    assert log.drain() == 0


@pytest.mark.parametrize("again_from_archive", [True, False])
@pytest.mark.parametrize("broken_off_at", [0, 10, 40, 50])
def test_a_rebuild_that_was_broken_off_while_it_wrote_begins_anew(
    log: Log, found: Archive, broken_off_at: int, again_from_archive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if again_from_archive:
        trim(log, found)
    live, request, sent = log.projection(), Link.request, 0

    def request_or_die(link: Link, then: Any, *command: Any) -> None:
        nonlocal sent
        sent += 1
        if sent > broken_off_at:
            link.settle()  # else the server may throw away what it has not read when the connection ends
            raise KeyboardInterrupt
        request(link, then, *command)

    with monkeypatch.context() as patch:
        patch.setattr(Link, "request", request_or_die)
        patch.setattr(writer, "_VALUES", 4)
        with pytest.raises(KeyboardInterrupt):
            rebuilt(log, found)
    assert {key: value for key, value in log.projection().items() if ":rebuild:" not in key} == live
    outcome = rebuilt(log, found) if again_from_archive else log.rebuild()
    assert (outcome.resumed, outcome.lost) == (False, 0)
    assert log.projection() == live
