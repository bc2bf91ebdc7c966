"""A proof of an entry holds by itself, and whatever is changed in it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.json import encode

from producer.log import Entry
from projector.archive.archive import Archive
from projector.archive.signature import Signer
from projector.errors import ArchiveDamaged, ProjectorError
from projector.evidence.proof import check, prove
from tests.support.archives import seal
from tests.support.ssh_keys import key_file


def entries(number: int) -> list[Entry]:
    return [(b"%d-%d" % (number, at), [b"op", b'{"type":"t%d"}' % at]) for at in range(5)]


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(key_file(tmp_path))


@pytest.fixture
def archive(tmp_path: Path, signer: Signer) -> Archive:
    archive = Archive.at(str(tmp_path / "archive"), "ns")
    for number in (1, 2, 3, 4):
        seal(archive, entries(number), signer)
    return archive


def test_every_entry_is_proved_against_the_head_and_each_manifest_since(archive: Archive, signer: Signer) -> None:
    heads = [manifest.hash for manifest in archive.manifests()]
    for number in (1, 2, 3, 4):
        for entry_id, _ in entries(number):
            proof = encode(prove(archive, entry_id.decode()))
            found = check(proof, public_keys={signer.public_key})
            assert (found.head, found.segment, found.namespace) == (archive.head, number, "ns")
            assert json.loads(found.line)["id"] == entry_id.decode()
            assert found.signed_by == (signer.public_key,)
            for head in heads[number - 1 :]:
                assert check(proof, head=head).head == head
            for head in heads[: number - 1]:
                with pytest.raises(ArchiveDamaged, match=head):
                    check(proof, head=head)


def test_an_entry_that_is_not_archived_has_no_proof(archive: Archive, tmp_path: Path) -> None:
    for absent in ("9-0", "2-77", "0-1"):
        with pytest.raises(ProjectorError, match=f"entry {absent} is not in the archive at .*, which ends at 4-4"):
            prove(archive, absent)
    with pytest.raises(ProjectorError, match="which is empty"):
        prove(Archive.at(str(tmp_path / "none"), "ns"), "1-0")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all texts and numbers of a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    return [path] if pairs is None else [leaf for name, each in pairs for leaf in leaves(each, (*path, name))]


def changed(document: Any, path: tuple[Any, ...], edit: Any) -> bytes:
    copy = json.loads(json.dumps(document))
    holder = copy
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = edit(holder[path[-1]])
    return json.dumps(copy).encode()


def test_a_change_of_any_character_or_number_in_a_proof_shows(archive: Archive, signer: Signer) -> None:
    document = json.loads(encode(prove(archive, "2-3")))
    keys = {signer.public_key}
    check(json.dumps(document).encode(), head=archive.head, public_keys=keys)
    assert len(leaves(document)) == 9
    for path in leaves(document):
        value: Any = document
        for name in path:
            value = value[name]
        edits: list[Any] = [lambda number: number + 1, lambda number: number - 1]
        if isinstance(value, str):
            edits = [
                lambda text, at=at: text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :] for at in range(len(value))
            ]
        for edit in edits:
            with pytest.raises(ArchiveDamaged):
                check(changed(document, path, edit), head=archive.head, public_keys=keys)


def test_a_manifest_removed_from_a_proof_or_swapped_in_it_shows(archive: Archive) -> None:
    document = json.loads(encode(prove(archive, "2-3")))
    for edit in (
        lambda chain: chain[1:], lambda chain: [chain[0], chain[2]], lambda chain: chain[:-1], lambda _: [],
        lambda chain: [chain[0], chain[2], chain[1]], lambda chain: [*chain, chain[-1]],
    ):  # fmt: skip
        with pytest.raises(ArchiveDamaged):
            check(changed(document, ("chain",), edit), head=archive.head)


def test_a_proof_without_signatures_or_by_another_key_shows(archive: Archive, tmp_path: Path, signer: Signer) -> None:
    document = json.loads(encode(prove(archive, "2-3")))
    unsigned = changed(document, ("chain",), lambda chain: [file.partition("\n")[0] for file in chain])
    assert check(unsigned, head=archive.head).signed_by == ()
    with pytest.raises(ArchiveDamaged, match="segment 2: it is not signed"):
        check(unsigned, public_keys={signer.public_key})
    with pytest.raises(ArchiveDamaged, match="signed by another key"):
        check(json.dumps(document).encode(), public_keys={Signer(key_file(tmp_path)).public_key})


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"line":"{}","index":0,"path":[],"chain":[""]}'])
def test_what_is_no_proof_is_refused_in_plain_words(content: bytes) -> None:
    with pytest.raises(ArchiveDamaged, match="expected a proof of projector archive prove"):
        check(content)
