"""Logs of the Rust engine to import: their lines, and what an import of them made of the stream."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from producer.importing.importer import Importer, Summary
from producer.importing.log_file import LogFile

STARTED = {
    "type": "action_execution_started",
    "action_id": "notify",
    "source": "watcher:idle-check",
    "execution_type": "command",
    "started_at": 1_790_000_000_000,
}
COMPLETED = {
    "type": "action_execution_completed",
    "action_id": "notify",
    "success": False,
    "output": None,
    "error": "Zeit überschritten",
    "duration_ms": 5,
    "completed_at": 1_790_000_000_005,
}
OTHER = {"type": "key_value_set", "key": "k", "value": 1}


def line(sequence: int, operation: dict[str, Any], *, machine_id: str = "m-1", checksum: int | None = None) -> bytes:
    """As the Rust engine writes it."""
    raw = json.dumps(operation, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(
        {
            "sequence": sequence,
            "timestamp_micros": 1_790_000_000_000_000,
            "machine_id": machine_id,
            "operation": operation,
            "checksum": zlib.crc32(raw.encode()) if checksum is None else checksum,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def entries(client: Any) -> list[tuple[str, int, int]]:
    """by, seq and acked of what stands in the log."""
    return [
        (fields[b"by"].decode(), int(fields[b"seq"]), int(fields[b"acked"]))
        for _, fields in client.xrange("{otters}:wal")
    ]


def add(
    client: Any,
    path: Path,
    *lines: bytes,
    tail: bytes = b"",
    dry_run: bool = False,
    allow_odd_times: bool = False,
) -> Summary:
    path.write_bytes(b"".join(one + b"\n" for one in lines) + tail)
    return Importer(client, "otters", dry_run=dry_run).add(LogFile(path, allow_odd_times=allow_odd_times))
