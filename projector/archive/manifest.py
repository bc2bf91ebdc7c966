"""A manifest: what a segment holds, and the hash of the manifest before it, which makes all of them a chain."""

from __future__ import annotations

import builtins
from hashlib import sha256

from msgspec import Struct, ValidationError
from msgspec.json import decode, encode

from producer.operations import ArchiveSealed
from producer.operations import encode as encode_operation

VERSION = 1


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Segment `number` has `entries` entries of the log of `namespace`, from `first_id` to `last_id`."""

    version: int = VERSION
    namespace: str
    number: int
    first_id: str
    last_id: str
    entries: int
    total: int
    """Entries of this and all segments before."""
    bytes: int
    """Of the segment's file."""
    least_time: int | None
    """Of the operations, in epoch ms; None if no entry is an operation."""
    greatest_time: int | None
    sha256: str
    """Of the segment's file."""
    root: str
    """Of the Merkle tree over the segment's lines (`merkle.py`)."""
    previous: str | None
    """The hash of the manifest before; None for segment 1."""

    def line(self) -> builtins.bytes:
        """The manifest as JSON, always the same for the same values: what is hashed and signed."""
        return encode(self)

    @property
    def hash(self) -> str:
        """The SHA-256 of `line()`. The newest manifest's is the archive's *head*."""
        return sha256(self.line()).hexdigest()


def manifest_of(content: bytes) -> tuple[Manifest, bytes]:
    """The manifest in a file, and the line of its signature (empty: none). Raises ValueError for another file."""
    line, _, signature = content.partition(b"\n")
    try:
        manifest = decode(line, type=Manifest)
    except ValidationError as error:
        raise ValueError(str(error)) from error
    if manifest.version != VERSION:
        raise ValueError(f"expected version {VERSION}, found {manifest.version}")
    if manifest.line() != line:
        raise ValueError("expected JSON as archivers write it, found other spacing or another order")
    return manifest, signature.removesuffix(b"\n")


def sealing_of(manifest: Manifest, *, at: int) -> bytes:
    """The operation by which the log is told, at epoch ms `at`, that the archive goes as far as `manifest` says."""
    return encode_operation(
        ArchiveSealed(
            number=manifest.number,
            head=manifest.hash,
            last_id=manifest.last_id,
            entries=manifest.total,
            sealed_at=at,
        )
    )


def manifest_name(number: int) -> str:
    return f"manifests/{number:09}.json"


def segment_name(number: int) -> str:
    return f"segments/{number:09}.jsonl.zst"
