"""The archive as it survived: zstd and JSON, read here by nothing of the product, and joined with the log."""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.chaos.history.surviving_log import LogEntry

__all__ = ["Trail", "read_archive"]

_zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


@dataclass(frozen=True, slots=True)
class Trail:
    """All entries that are in the archive or in the log, oldest first. `trimmed`: so many are in the archive alone.
    `violations` are sentences: what the two say against each other."""

    entries: list[LogEntry]
    trimmed: int
    violations: list[str]

    @classmethod
    def of(cls, archived: list[LogEntry], log: list[LogEntry]) -> Trail:
        by_id = {entry.id: entry for entry in archived}
        end = archived[-1].order if archived else (0, 0)
        violations = [] if len(by_id) == len(archived) else ["an entry is archived twice"]
        if archived != sorted(archived, key=lambda entry: entry.order):
            violations.append("the archive is out of order")
        for entry in log:
            found = by_id.get(entry.id)
            if found is None and entry.order <= end:
                violations.append(f"not archived, though the archive goes further: {entry}")
            elif found not in (None, entry):
                violations.append(f"archived otherwise: {found}, in the log {entry}")
        in_log = {entry.id for entry in log}
        behind = [entry for entry in log if entry.id not in by_id]
        return cls([*archived, *behind], len(by_id.keys() - in_log), violations)


def read_archive(directory: Path) -> list[LogEntry]:
    """The entries of all segments that have a manifest, in the order of the files."""
    numbers = sorted(path.stem for path in directory.glob("manifests/*.json"))
    segments = [(directory / "segments" / f"{number}.jsonl.zst").read_bytes() for number in numbers]
    return [_entry(line) for segment in segments for line in _zstd.decompress(segment).splitlines()]


def _entry(line: bytes) -> LogEntry:
    found = json.loads(line)
    if "fields" in found:
        words = [b64decode(word) for word in found["fields"]]
        fields = dict(zip(words[::2], words[1::2], strict=True))
    else:
        fields = {name.encode(): str(found[name]).encode() for name in ("by", "seq", "acked") if name in found}
        fields[b"op"] = json.dumps(found.get("op")).encode()
    return LogEntry.of_fields(found["id"].encode(), fields)
