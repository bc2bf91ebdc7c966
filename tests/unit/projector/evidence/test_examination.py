"""`archive verify` without a server: the first segment that is not what was sealed is named, and how it differs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from producer.log import Entry
from projector.archive.archive import Archive
from projector.archive.line import line_of
from projector.archive.manifest import manifest_name, segment_name
from projector.archive.segment import packed
from projector.archive.signature import Signer
from projector.evidence.examination import Examination, Fault, examine
from tests.support.archives import seal
from tests.support.projection import completed
from tests.support.servers import vacant_port
from tests.support.ssh_keys import key_file

NOWHERE = f"redis://127.0.0.1:{vacant_port()}/0"


def entries(number: int) -> list[Entry]:
    return [(b"%d-%d" % (number, at), [b"op", completed(f"a{at}").encode()]) for at in range(3)]


def witness(entry_id: bytes, number: int, head: str) -> Entry:
    op = b'{"type":"archive_sealed","number":%d,"head":"%b","last_id":"1-0","entries":3,"sealed_at":1}'
    return entry_id, [b"op", op % (number, head.encode())]


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """Four segments."""
    archive = Archive.at(str(tmp_path), "ns")
    for number in (1, 2, 3, 4):
        seal(archive, entries(number))
    return tmp_path


def examined(where: Path, **asked: object) -> Examination:
    return examine(Archive.at(str(where), "ns"), NOWHERE, **asked)  # type: ignore[arg-type]


def fault(where: Path, **asked: object) -> Fault:
    found = examined(where, **asked).fault
    assert found is not None
    return found


def path(where: Path, name: str) -> Path:
    return where / "ns" / name


def swap(one: Path, other: Path) -> None:
    aside = one.with_suffix(".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def rewrite(where: Path, number: int, edit: Callable[[bytes], bytes]) -> None:
    file = path(where, manifest_name(number))
    file.write_bytes(edit(file.read_bytes()))


def test_an_untouched_archive_is_intact_and_the_log_that_is_away_was_not_compared(where: Path) -> None:
    found = examined(where)
    assert found.intact
    assert (found.segments, found.entries, found.last_id) == (4, 12, "4-2")
    assert found.head == Archive.at(str(where), "ns").head
    assert found.unsigned == (1, 2, 3, 4)
    assert found.log.startswith("not compared: ")


def test_an_empty_archive_is_no_intact_one(tmp_path: Path) -> None:
    assert "nothing is archived" in fault(tmp_path).found


def test_any_flipped_byte_of_a_segment_names_it(where: Path) -> None:
    file = path(where, segment_name(2))
    content = file.read_bytes()
    for at in range(len(content)):
        file.write_bytes(content[:at] + bytes([content[at] ^ 128]) + content[at + 1 :])
        found = fault(where)
        assert (found.segment, found.file) == (2, segment_name(2))
        assert found.found.startswith("it was changed: expected SHA-256")


@pytest.mark.parametrize("number", [2, 3])
def test_any_flipped_byte_of_a_manifest_names_it(where: Path, number: int) -> None:
    file = path(where, manifest_name(number))
    content = file.read_bytes()
    for at in range(len(content)):
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        found = fault(where)
        assert (found.segment, found.file) == (number, manifest_name(number)), (content[:at], found)


def test_a_truncated_segment_is_named(where: Path) -> None:
    file = path(where, segment_name(3))
    file.write_bytes(file.read_bytes()[:-5])
    assert fault(where).segment == 3
    assert "cut short" in fault(where).found


def test_a_removed_manifest_or_segment_is_named(where: Path) -> None:
    path(where, segment_name(3)).unlink()
    assert (fault(where).file, fault(where).found) == (segment_name(3), "it was removed: its manifest is there")
    path(where, manifest_name(2)).unlink()
    assert (fault(where).file, fault(where).found) == (manifest_name(2), "it was removed: later ones are there")


def test_a_segment_removed_at_the_end_shows_by_the_witnessed_head(where: Path) -> None:
    head = examined(where).head
    for name in (segment_name(4), manifest_name(4)):
        path(where, name).unlink()
    assert examined(where).intact  # nothing in the archive itself tells
    assert head in fault(where, head=head).found


def test_a_segment_removed_at_the_end_shows_by_what_the_log_says_in_the_archive(where: Path) -> None:
    seal(Archive.at(str(where), "ns"), [witness(b"5-0", 6, "0" * 64)])
    found = fault(where)
    assert (found.segment, found.file) == (6, manifest_name(6))
    assert "removed: entry 5-0 of the log says" in found.found


def test_a_duplicated_segment_is_named(where: Path) -> None:
    shutil.copy(path(where, segment_name(2)), path(where, segment_name(3)))
    assert fault(where).segment == 3
    assert "it holds segment 2" in fault(where).found


def test_a_segment_and_manifest_duplicated_as_the_next_ones_are_named(where: Path) -> None:
    for name in (segment_name, manifest_name):
        for number in (4, 3, 2):
            shutil.copy(path(where, name(number)), path(where, name(number + 1)))
    assert (fault(where).segment, fault(where).file) == (3, manifest_name(3))
    assert "manifest of segment 2: swapped, or inserted" in fault(where).found


def test_an_inserted_segment_is_named_and_not_the_original_behind_it(where: Path) -> None:
    for name in (segment_name, manifest_name):
        for number in (4, 3):
            path(where, name(number)).rename(path(where, name(number + 1)))
    forged = Archive.at(str(where), "ns")
    aside = [path(where, name(number)) for name in (segment_name, manifest_name) for number in (4, 5)]
    for file in aside:
        file.rename(file.with_suffix(".aside"))
    seal(forged, [(b"2-9", [b"op", b"{}"])])
    for file in aside:
        file.with_suffix(".aside").rename(file)
    assert (fault(where).segment, fault(where).file) == (3, manifest_name(3))
    assert "inserted" in fault(where).found


def test_a_segment_far_ahead_of_the_chain_was_inserted_and_the_next_without_manifest_was_not(where: Path) -> None:
    path(where, segment_name(5)).write_bytes(packed(map(line_of, entries(5))))
    assert examined(where).intact
    shutil.copy(path(where, segment_name(2)), path(where, segment_name(6)))
    assert (fault(where).segment, fault(where).file) == (6, segment_name(6))


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_segment_copied_to_the_next_number_was_inserted(where: Path, number: int) -> None:
    shutil.copy(path(where, segment_name(number)), path(where, segment_name(5)))
    assert (fault(where).segment, fault(where).file) == (5, segment_name(5))
    assert (
        fault(where).found
        == "it was inserted: it has no manifest, and does not go on behind entry 4-2; move the file away"
    )


def test_what_is_no_segment_at_the_next_number_was_inserted(where: Path) -> None:
    path(where, segment_name(5)).write_bytes(b"nonsense")
    assert (fault(where).segment, fault(where).file) == (5, segment_name(5))
    assert fault(where).found.startswith("it was inserted: it has no manifest, and is no segment (")


@pytest.mark.parametrize(
    "name",
    [
        "segments/000000001-copy.jsonl.zst",
        "segments/000000002b.jsonl.zst",
        "segments/2.jsonl.zst",
        "segments/000000005.jsonl.zst.bak",
        "segments/000000000.jsonl.zst",
        "manifests/000000001-copy.json",
        "manifests/000000005.json~",
    ],
)
def test_a_file_with_a_name_that_no_archiver_gives_was_inserted(where: Path, name: str) -> None:
    shutil.copy(path(where, segment_name(1)), path(where, name))
    assert fault(where) == Fault(
        None, name, "it was inserted: no archiver gives a file this name; move the file away"
    )


def test_a_hidden_file_beside_the_segments_is_no_matter(where: Path) -> None:
    path(where, "segments/.DS_Store").write_bytes(b"")
    assert examined(where).intact


def test_losses_that_the_archived_entries_tell_of_are_counted(where: Path) -> None:
    op = b'{"type":"loss_accepted","entries":3,"first_id":"0-0","last_id":"4-2","reason":"why","accepted_at":1}'
    assert examined(where).lost == 0
    seal(Archive.at(str(where), "ns"), [(b"5-0", [b"op", op])])
    assert (examined(where).intact, examined(where).lost) == (True, 3)


def test_two_swapped_manifests_are_named(where: Path) -> None:
    swap(path(where, manifest_name(2)), path(where, manifest_name(3)))
    assert (fault(where).segment, fault(where).file) == (2, manifest_name(2))
    assert "manifest of segment 3: swapped" in fault(where).found


def test_two_swapped_segments_are_named(where: Path) -> None:
    swap(path(where, segment_name(2)), path(where, segment_name(4)))
    assert (fault(where).segment, fault(where).file) == (2, segment_name(2))
    assert "it holds segment 4: swapped" in fault(where).found


def rewritten_from(where: Path, number: int, last: int) -> None:
    """Segments `number` to `last` anew, as somebody would who knows how archives are made."""
    for later in range(number, last + 1):
        for name in (segment_name(later), manifest_name(later)):
            path(where, name).unlink()
    archive = Archive.at(str(where), "ns")
    for later in range(number, last + 1):
        changed = [(entry_id, [b"op", b'{"type":"forged"}']) for entry_id, _ in entries(later)]
        seal(archive, changed)


def test_a_single_segment_written_anew_with_its_manifest_is_named(where: Path) -> None:
    keep = [path(where, name(number)) for name in (segment_name, manifest_name) for number in (3, 4)]
    for file in keep:
        file.rename(file.with_suffix(".aside"))
    rewritten_from(where, 2, 2)
    for file in keep:
        file.with_suffix(".aside").rename(file)
    assert (fault(where).segment, fault(where).file) == (2, manifest_name(2))
    assert "goes on from another" in fault(where).found


def test_a_chain_written_anew_shows_by_an_old_head_and_a_head_of_before_still_stands(where: Path) -> None:
    heads = [manifest.hash for manifest in Archive.at(str(where), "ns").manifests()]
    assert examined(where, head=heads[1]).since == 2
    rewritten_from(where, 3, 4)
    assert examined(where).intact
    assert examined(where, head=heads[1]).since == 2
    assert heads[2] in fault(where, head=heads[2]).found


def test_a_chain_written_anew_shows_by_what_the_log_says_in_the_archive(tmp_path: Path) -> None:
    archive = Archive.at(str(tmp_path), "ns")
    seal(archive, entries(1))
    head = seal(archive, entries(2)).hash
    rewritten_from(tmp_path, 2, 2)
    seal(archive, [witness(b"3-0", 2, head)])
    assert (fault(tmp_path).segment, fault(tmp_path).file) == (2, manifest_name(2))
    assert "entry 3-0 of the log says that its hash was" in fault(tmp_path).found


def test_ids_that_do_not_ascend_over_segments_name_the_later(where: Path) -> None:
    seal(Archive.at(str(where), "ns"), entries(2))
    assert (fault(where).segment, fault(where).file) == (5, segment_name(5))
    assert "do not ascend" in fault(where).found


def test_a_manifest_of_another_namespace_is_named(where: Path) -> None:
    other = Archive.at(str(where), "other")
    seal(other, entries(1))
    shutil.copy(where / "other" / manifest_name(1), path(where, manifest_name(1)))
    assert "from namespace other" in fault(where).found


# -- signatures --


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Signer]:
    (tmp_path / "keys").mkdir()
    signer = Signer(key_file(tmp_path / "keys"))
    archive = Archive.at(str(tmp_path / "archive"), "ns")
    for number in (1, 2, 3):
        seal(archive, entries(number), signer)
    return tmp_path / "archive", signer


def test_signatures_by_the_key_are_good(signed: tuple[Path, Signer]) -> None:
    where, signer = signed
    found = examined(where, public_keys={signer.public_key})
    assert found.intact
    assert (found.signed_by, found.unsigned) == ((signer.public_key,), ())


def test_a_wrong_a_missing_and_a_strangers_signature_are_named(signed: tuple[Path, Signer], tmp_path: Path) -> None:
    where, signer = signed
    stranger = Signer(key_file(tmp_path / "keys"))

    def with_signature(signature: bytes) -> Callable[[bytes], bytes]:
        return lambda content: content.split(b"\n")[0] + signature

    rewrite(where, 3, with_signature(b"\n" + signer.sign(b"another line")))
    assert (fault(where).segment, fault(where).found) == (3, "its signature does not fit it")
    line = path(where, manifest_name(2)).read_bytes().split(b"\n")[0]
    rewrite(where, 2, with_signature(b"\n" + stranger.sign(line)))
    assert fault(where).segment == 3  # no key was given, so that the stranger's is as good
    found = fault(where, public_keys={signer.public_key})
    assert (found.segment, found.found) == (2, f"it is signed by another key: {stranger.public_key}")
    rewrite(where, 1, with_signature(b""))
    found = fault(where, public_keys={signer.public_key})
    assert (found.segment, found.found) == (1, "it is not signed")
    rewrite(where, 3, with_signature(b""))
    assert examined(where).unsigned == (1, 3)
