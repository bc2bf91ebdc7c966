"""`projector archive verify` beside the log: it goes on where the archive ends, and what both have is equal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.archive.line import line_of
from projector.archive.manifest import manifest_name, segment_name
from projector.archive.segment import packed
from projector.entry_id import order_of
from projector.evidence.examination import Fault, examine
from projector.shadow import rebuild
from tests.support.archives import seal
from tests.support.commands import projector
from tests.support.projection import Log, completed, raw_entries

pytestmark = pytest.mark.server


def archive_of(log: Log, where: Path) -> Archive:
    return Archive.at(str(where), log.namespace)


def archived(log: Log, where: Path, segments: int = 3) -> Archive:
    """Segments of four completions each, sealed one after the other."""
    for _ in range(segments):
        log.add_completions(4)
        log.drain()
        Archiver(log.client, archive_of(log, where)).once()
    return archive_of(log, where)


def fault(log: Log, where: Path) -> Fault:
    found = examine(archive_of(log, where), log.client).fault
    assert found is not None
    return found


def test_an_archive_that_the_log_continues_is_intact(log: Log, tmp_path: Path) -> None:
    archived(log, tmp_path)
    log.add_completions(5)
    found = examine(archive_of(log, tmp_path), log.client)
    assert found.intact, found
    assert found.segments == 3
    assert found.log == "14 entries in both, all equal; 6 behind the archive's end, none missing"


def test_an_archive_that_the_log_continues_after_a_trim_is_intact(log: Log, tmp_path: Path) -> None:
    archive = archived(log, tmp_path)
    log.client.xtrim(log.key("wal"), minid=archive.last_id, approximate=False)
    found = examine(archive_of(log, tmp_path), log.client)
    assert found.intact, found
    assert found.log == "1 entry in both, all equal; 1 behind the archive's end, none missing"


def test_an_archiver_and_a_trim_at_work_meanwhile_do_not_disturb(log: Log, tmp_path: Path) -> None:
    archived(log, tmp_path)

    def go_on(done: int, _count: int) -> None:
        if done == 3:
            last_id = archived(log, tmp_path, segments=1).last_id
            log.client.xtrim(log.key("wal"), minid=last_id, approximate=False)

    found = examine(archive_of(log, tmp_path), log.client, progress=go_on)
    assert (found.intact, found.segments) == (True, 4), found


def test_entries_deleted_before_they_were_archived_show_until_the_loss_is_accepted(log: Log, tmp_path: Path) -> None:
    archived(log, tmp_path)
    entry_ids = [log.add(completed("a")) for _ in range(3)]
    log.drain()
    log.client.xdel(log.key("wal"), *entry_ids[:2])
    assert fault(log, tmp_path).segment is None
    assert "2 entries of the log are neither in it nor archived, nor accepted as lost" in fault(log, tmp_path).found
    rebuild(log.client, log.namespace, accept_loss="a slip", archive=str(tmp_path))
    found = examine(archive_of(log, tmp_path), log.client)
    assert (found.intact, found.lost) == (True, 2)
    words = ("archive", "verify", "--archive", str(tmp_path), "--url", log.url, "--namespace", log.namespace)
    assert "\nlost for ever, as somebody has accepted: 2 entries\n" in projector(*words).stdout
    assert json.loads(projector(*words, "--json").stdout)["lost"] == 2
    told = json.loads(projector("stats", "--json", "--url", log.url, "--namespace", log.namespace).stdout)
    assert told["lost"] == 2


def test_the_segment_of_an_archiver_that_ended_before_its_manifest_is_intact_if_it_is_the_logs(
    log: Log, tmp_path: Path
) -> None:
    archived(log, tmp_path)
    log.add_completions(4)
    archive = archive_of(log, tmp_path)
    everything = raw_entries(log.client, log.key("wal"))
    behind = [entry for entry in everything if order_of(entry[0].decode()) > order_of(archive.last_id)]
    assert len(behind) == 5
    segment = tmp_path / log.namespace / segment_name(4)
    for count in (1, 5):
        segment.write_bytes(packed(map(line_of, behind[:count])))
        assert examine(archive, log.client).intact
    forged = [*behind[:2], (behind[2][0], [b"op", b"{}"])]
    skipping = [behind[0], behind[2]]
    ahead = [*behind, (b"%d-0" % (1 << 62), [b"op", b"{}"])]
    for entries in (forged, skipping, ahead):
        segment.write_bytes(packed(map(line_of, entries)))
        assert (fault(log, tmp_path).segment, fault(log, tmp_path).file) == (4, segment_name(4))
        assert "it was inserted: it has no manifest, and where the log has " in fault(log, tmp_path).found


def test_the_command_names_a_copied_segment_and_what_to_do(log: Log, tmp_path: Path) -> None:
    archived(log, tmp_path, segments=1)
    folder = tmp_path / log.namespace
    shutil.copy(folder / segment_name(1), folder / "segments/000000001-copy.jsonl.zst")
    words = ("archive", "verify", "--archive", str(tmp_path), "--url", log.url, "--namespace", log.namespace)
    ended = projector(*words)
    assert ended.returncode == 1
    first, _, last = ended.stdout.strip().partition("\n")
    assert first.startswith(
        "segments/000000001-copy.jsonl.zst: it was inserted: no archiver gives a file this name; "
    )
    assert "\nthen again: projector archive verify" in f"\n{last}"
    shutil.move(folder / "segments/000000001-copy.jsonl.zst", folder / segment_name(2))
    assert projector(*words).stdout.startswith(f"segment 2 ({segment_name(2)}): it was inserted: ")


def test_a_log_that_was_replaced_shows(log: Log, tmp_path: Path) -> None:
    archived(log, tmp_path)
    log.client.delete(log.key("wal"))
    log.add_completions(1)
    assert "the server has lost, or it has another log" in fault(log, tmp_path).found


def test_a_segment_written_anew_with_all_behind_it_is_named_by_the_log(log: Log, tmp_path: Path) -> None:
    archive = archived(log, tmp_path)
    pages = [archive.entries(number) for number in (1, 2, 3)]
    shutil.rmtree(tmp_path / log.namespace)
    forged = archive_of(log, tmp_path)
    seal(forged, pages[0])
    seal(forged, [*pages[1][:2], (pages[1][2][0], [b"op", b"{}"])])
    assert (fault(log, tmp_path).segment, fault(log, tmp_path).file) == (2, segment_name(2))
    assert "the log has another entry" in fault(log, tmp_path).found


def test_a_segment_removed_at_the_end_is_named_by_the_log_or_by_the_checkpoint(log: Log, tmp_path: Path) -> None:
    archived(log, tmp_path)
    for name in (segment_name(3), manifest_name(3)):
        (tmp_path / log.namespace / name).unlink()
    assert (fault(log, tmp_path).segment, fault(log, tmp_path).file) == (3, manifest_name(3))
    assert "it was removed: entry" in fault(log, tmp_path).found
    log.drain()
    log.client.xtrim(log.key("wal"), maxlen=0, approximate=False)
    assert "it was removed: the projection's checkpoint says that it was there" in fault(log, tmp_path).found


def test_a_server_without_the_log_leaves_the_archive_uncompared(log: Log, tmp_path: Path) -> None:
    archived(log, tmp_path)
    log.client.delete(log.key("wal"))
    found = examine(archive_of(log, tmp_path), log.client)
    assert found.intact
    assert found.log.startswith("not compared: there is no log of namespace")


def test_the_commands_examine_the_archive_and_prove_an_entry(log: Log, tmp_path: Path) -> None:
    archive = archived(log, tmp_path / "trail", segments=1)
    server = ["--url", log.url, "--namespace", log.namespace]
    where = ["--archive", str(tmp_path / "trail")]
    good = projector("archive", "verify", *where, *server, "--head", archive.head)
    assert good.returncode == 0, good.stderr
    assert good.stdout.splitlines() == [
        f"intact: 1 segment, 4 entries up to {archive.last_id}",
        f"head: {archive.head}",
        "not signed: 1 segment, from 1 to 1",
        "log: 4 entries in both, all equal; 1 behind the archive's end, none missing",
    ]
    proof = tmp_path / "proof.json"
    proof.write_text(projector("archive", "prove", archive.last_id, *where, *server).stdout)
    mistyped = projector("archive", "prove", "hello", *where, *server)
    assert (mistyped.returncode, "expected an entry id, <milliseconds>-<number>" in mistyped.stderr) == (2, True)
    checked = projector("archive", "check", str(proof), "--head", archive.head)
    assert checked.returncode == 0, checked.stderr
    assert f'"id":"{archive.last_id}"' in checked.stdout
    assert f"head: {archive.head}" in checked.stdout
    proof.write_text(proof.read_text().replace("completed", "conpleted"))
    refused = projector("archive", "check", str(proof))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "they do not lead to the root of its segment" in refused.stderr
    for head in ("", archive.head[:10]):
        mistyped = projector("archive", "verify", *where, *server, "--head", head)
        assert (mistyped.returncode, mistyped.stdout) == (2, "")
        assert f"expected a hash of 64 hexadecimal digits, found '{head}'" in mistyped.stderr
    (tmp_path / "trail" / log.namespace / segment_name(1)).write_bytes(b"")
    bad = projector("archive", "verify", *where, *server)
    assert bad.returncode == 1
    assert bad.stdout.startswith(f"segment 1 ({segment_name(1)}): it was cut short: expected SHA-256")
    document = json.loads(projector("archive", "verify", *where, *server, "--json").stdout)
    assert (document["intact"], document["fault"]["segment"]) == (False, 1)
