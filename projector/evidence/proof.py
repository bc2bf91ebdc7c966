"""Proofs: an entry of the archive, with what a third person needs to check it against a head that they trust.

The entry's line and its Merkle path give the root that stands in the manifest of its segment. The manifests from
there on are chained by their hashes, so that whoever trusts the hash of any of them need trust nothing else.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from msgspec import Struct, ValidationError
from msgspec.json import decode

from projector.archive.archive import Archive
from projector.archive.line import entry_of
from projector.archive.manifest import Manifest, manifest_name, manifest_of, segment_name
from projector.archive.merkle import path_of, root_by, root_of
from projector.archive.segment import unpacked
from projector.archive.signature import fault_of, key_of
from projector.errors import ArchiveDamaged, ProjectorError


class Proof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `line` of an entry, its `index` in its segment, and the Merkle `path` from it to the segment's root.

    `chain` has the files of the manifests, from that segment's to the newest: a line each, and one of a signature.
    """

    version: int = 1
    line: str
    index: int
    path: list[str]
    chain: list[str]


@dataclass(frozen=True, slots=True)
class Proved:
    """The entry with this `line` stands in `segment` of the log of `namespace`, as it was archived when the manifest
    with the hash `head` was the newest. `signed_by`: who signed the manifests that are signed."""

    namespace: str
    segment: int
    line: str
    head: str
    signed_by: tuple[str, ...]


def prove(archive: Archive, entry_id: str) -> Proof:
    """The proof of one entry. Raises ProjectorError if it is not archived, ArchiveDamaged and ArchiveUnavailable."""
    number = archive.number_of(entry_id)
    ids = [raw_id.decode() for raw_id, _ in archive.entries(number)] if number else []
    if number is None or entry_id not in ids:
        until = f"which ends at {archive.last_id}" if archive.last_id else "which is empty"
        raise ProjectorError(f"entry {entry_id} is not in the archive at {archive.place}, {until}")
    lines, index = unpacked(archive.place.read(segment_name(number))), ids.index(entry_id)
    if root_of(lines) != archive.manifest(number).root:
        raise archive.damaged(manifest_name(number), "its root is not that of the segment")
    chain = []
    for each in range(number, archive.count + 1):
        archive.manifest(each)  # raises if it is damaged
        chain.append(archive.place.read(manifest_name(each)).decode("utf-8", "replace"))
    return Proof(line=lines[index].decode(), index=index, path=path_of(lines, index), chain=chain)


def check(content: bytes, *, head: str | None = None, public_keys: Collection[str] | None = None) -> Proved:
    """Check a proof, as JSON, alone by what stands in it.

    `head`: a hash that the proof's chain must have. `public_keys`: those of which one must have signed each manifest.
    Raises ArchiveDamaged, which says what does not fit, and InvalidSettings if signatures cannot be checked.
    """
    try:
        proof = decode(content, type=Proof)
        if proof.version != 1:
            raise ValueError(f"expected version 1, found {proof.version}")
        files = [manifest_of(file.encode()) for file in proof.chain]
        segment = files[0][0]
        entry_id = entry_of(proof.line.encode())[0].decode()
        root = root_by(proof.line.encode(), proof.index, segment.entries, proof.path)
    except (ValidationError, ValueError, IndexError) as error:
        raise ArchiveDamaged(
            f"expected a proof of projector archive prove, found another document: {error}"
        ) from error
    if root != segment.root:
        raise ArchiveDamaged(f"entry {entry_id} or its path was changed: they do not lead to the root of its segment")
    signed_by, before = set(), None
    for manifest, signature in files:
        who = f"the manifest of segment {manifest.number}"
        if before and not _follows(manifest, before):
            raise ArchiveDamaged(
                f"{who} was changed, or one was removed or inserted before it: the chain breaks there"
            )
        if fault := fault_of(manifest.line(), signature) if signature else public_keys and "it is not signed":
            raise ArchiveDamaged(f"{who}: {fault}")
        if signature:
            signed_by.add(key_of(signature))
        before = manifest
    if public_keys and (others := signed_by - set(public_keys)):
        raise ArchiveDamaged(f"the proof is signed by another key: {', '.join(sorted(others))}")
    hashes = [manifest.hash for manifest, _ in files]
    if head and head not in hashes:
        raise ArchiveDamaged(
            f"no manifest of the proof has the hash {head}: what had it was written anew, or came before the entry's "
            f"segment, or after the proof was made (then make it anew)"
        )
    return Proved(segment.namespace, segment.number, proof.line, head or hashes[-1], tuple(sorted(signed_by)))


def _follows(manifest: Manifest, before: Manifest) -> bool:
    found = (manifest.namespace, manifest.number, manifest.previous, manifest.total)
    return found == (before.namespace, before.number + 1, before.hash, before.total + manifest.entries)
