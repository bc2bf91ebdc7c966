"""A writer's journal: what it attempted and which calls returned, each written down before its next call.

It is a file of JSON lines, written by the writer alone and independent of everything that the product remembers.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from producer import Receipt
from tests.chaos.history.deed import Deed

__all__ = ["RETURNED", "Attempt", "Journal", "read_journal"]

RETURNED = b', "at": '
"""Stands in the line of each call that returned, and in no other."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A deed that was sent. `by` and `seq` are known once the call returned or raised, `returned_at` (the monotonic
    clock, one for all processes of the machine) once it returned: that is when the operation was acknowledged as
    `entry_id`, or, where it has none, put into a spool, or flushed out of a buffer. `synced`: it leaves that once it
    is on the server's disk. `replicated`: the call returned once a replica had it, too."""

    deed: Deed
    by: str | None = None
    seq: int = 0
    entry_id: str | None = None
    returned_at: float | None = None
    synced: bool = False
    replicated: bool = False

    @property
    def is_promised(self) -> bool:
        """Whether the call returned: the operation has to be in the log in the end."""
        return self.returned_at is not None

    @property
    def is_spooled(self) -> bool:
        """Whether it was promised by a spool: nobody was told when it was acknowledged."""
        return self.is_promised and self.entry_id is None


class Journal:
    """The writing side. Each line is handed to the kernel at once: it outlives a kill of the writer."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._lock = Lock()

    def attempted(self, deed: Deed) -> None:
        self._write({"deed": deed})

    def unanswered(self, deed: Deed, receipt: Receipt) -> None:
        self._write({"mark": deed.mark, "by": receipt.by, "seq": receipt.seq})

    def returned(self, deed: Deed, receipt: Receipt) -> None:
        at = time.monotonic()
        self._write({"mark": deed.mark, "by": receipt.by, "seq": receipt.seq, "entry_id": receipt.entry_id, "at": at})

    def flushed(self) -> None:
        """All that was recorded before has left a buffer."""
        self._write({"flushed_at": time.monotonic()})

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _write(self, line: object) -> None:
        raw = json.dumps(line).encode() + b"\n"
        with self._lock:
            self._file.write(raw)


def read_journal(path: Path, *, synced: bool = False, replicated: bool = False) -> list[Attempt]:
    """All attempts of one writer, `synced` or `replicated` or not; a last line that a kill cut short is left out."""
    attempts: dict[str, Attempt] = {}
    for raw in path.read_bytes().split(b"\n")[:-1]:
        line = json.loads(raw)
        if "deed" in line:
            deed = Deed(*line["deed"])
            if deed.mark in attempts:
                raise AssertionError(f"{path}: the mark {deed.mark} was used twice")
            attempts[deed.mark] = Attempt(deed, synced=synced, replicated=replicated)
        elif "flushed_at" in line:
            for mark, attempt in attempts.items():
                if attempt.by is not None:
                    attempts[mark] = replace(attempt, returned_at=line["flushed_at"])
        else:
            attempts[line["mark"]] = replace(
                attempts[line["mark"]],
                by=line["by"],
                seq=line["seq"],
                entry_id=line.get("entry_id"),
                returned_at=line.get("at"),
            )
    return list(attempts.values())
