"""The lines of a file, whatever is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from producer.importing.line import BadLine, Importable, OtherType, read_line

__all__ = ["LogFile", "NumberedLine"]

_LONGEST = 8 << 20
"""The largest operation, every byte of it escaped in six, still fits."""


class NumberedLine(NamedTuple):
    """The line with that number, from 1; `end` is where the next one begins, in bytes."""

    number: int
    end: int
    content: Importable | OtherType | BadLine


class LogFile:
    """A log from elsewhere. Operations that have no number of their own get the one of their line.

    Those need a name, too, that stays the same when the file is copied and grows, and is no other file's: it is made
    of the first line, in which an operation with its time in milliseconds stands.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size

    def lines(self) -> Iterator[NumberedLine]:
        """Every line but the empty ones. Raises OSError."""
        return _without_leaps(self._read())

    def _read(self) -> Iterator[NumberedLine]:
        with self.path.open("rb") as file:
            by = ""
            for number, raw in enumerate(_raw_lines(file), start=1):
                line = raw.strip(b" \t\r\n")
                if line:
                    by = by or f"import:{hashlib.sha256(line).hexdigest()[:32]}"
                    yield NumberedLine(number, file.tell(), _content(raw, line, by, number))

    def place(self) -> tuple[str, int]:
        """Where the file stands among others: whose first operation it has, and which. Raises OSError."""
        for line in self.lines():
            if isinstance(line.content, Importable):
                return line.content.by, line.content.seq
        return "", 0


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    """Each line; of one that is too long the beginning, longer than any may be."""
    while raw := file.readline(_LONGEST + 1):
        rest = raw
        while len(rest) > _LONGEST and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST + 1)
        yield raw


def _without_leaps(lines: Iterator[NumberedLine]) -> Iterator[NumberedLine]:
    """The lines; one is bad whose number leaps ahead, and the next one's is back where it was.

    No checksum covers the number. A wrong one that is too high would make duplicates of all that follow.
    """
    before = Importable("", 0, b"")
    held: NumberedLine | None = None
    for line in lines:
        if held is not None:
            if _is_leap(before, held.content, line.content):
                yield held._replace(content=BadLine("sequence: expected less than in the next line, found more"))
            else:
                yield held
                if isinstance(held.content, Importable):
                    before = held.content
        held = line
    if held is not None:
        yield held


def _is_leap(before: Importable, content: object, after: object) -> bool:
    if not (isinstance(content, Importable) and isinstance(after, Importable) and content.by == after.by):
        return False
    return (before.seq if before.by == content.by else 0) < after.seq < content.seq


def _content(raw: bytes, line: bytes, by: str, number: int) -> Importable | OtherType | BadLine:
    if len(raw) > _LONGEST:
        return BadLine(f"expected at most {_LONGEST} bytes in a line, found more")
    content = read_line(line, by=by, seq=number)
    if isinstance(content, BadLine) and not raw.endswith(b"\n"):
        return BadLine(f"torn: the file ends within it ({content.reason})")
    return content
