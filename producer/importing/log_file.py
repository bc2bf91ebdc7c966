"""The lines of a file, whatever is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from producer.importing.line import BadLine, Content, Importable, read_line

_LONGEST = 8 << 20
"""Bytes of a line. The largest operation fits, even if each of its bytes is escaped in six."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NumberedLine(NamedTuple):
    """Line `number` of a file, counted from 1; the next line begins at byte `end`."""

    number: int
    end: int
    content: Content


class LogFile:
    """A log from elsewhere, as long as it is now. An operation without a number of its own gets that of its line.

    The name that goes with such numbers must stay the same when the file is copied and grows, and differ from every
    other file's. So it is made of the first of these operations, which has its time in milliseconds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.name = ""
        self._first = 0

    def lines(self) -> Iterator[NumberedLine]:
        """Every line but the empty ones. Raises OSError."""
        with self.path.open("rb") as file:
            for number, raw in enumerate(_raw_lines(file, self.size), start=1):
                line = (raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw).strip(b" \t\r\n")
                if line:
                    yield NumberedLine(number, file.tell(), self._content(raw, line, number))

    def place(self) -> tuple[str, int]:
        """(by, number) of the first operation, by which the parts of a log are sorted. Raises OSError."""
        for line in self.lines():
            if isinstance(line.content, Importable):
                return line.content.by, line.content.seq
        return "", 0

    def _content(self, raw: bytes, line: bytes, number: int) -> Content:
        if len(raw) > _LONGEST:
            return self._unreadable(f"expected at most {_LONGEST} bytes in a line, found more", number)
        name = self.name or f"import:{hashlib.sha256(line).hexdigest()[:32]}"
        content = read_line(line, by=name, seq=number)
        if isinstance(content, Importable) and content.by == name and not self.name:
            self.name, self._first = name, number
        if isinstance(content, BadLine) and not content.seq:
            is_torn = not raw.endswith(b"\n")
            return self._unreadable("torn: the file ends within it" if is_torn else content.reason, number)
        return content if self._is_named(number) or content.by != name else content._replace(by="", seq=0)

    def _unreadable(self, reason: str, number: int) -> BadLine:
        """A bad line that does not say its number: in JSON Lines, that is the line's number in the file."""
        return BadLine(reason, self.name, number) if self._is_named(number) else BadLine(reason)

    def _is_named(self, number: int) -> bool:
        return bool(self.name) and number >= self._first


def _raw_lines(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Each line that begins before byte `size`; of a line that is too long, one byte more than is allowed."""
    while file.tell() < size and (raw := file.readline(_LONGEST + 1)):
        rest = raw
        while len(rest) > _LONGEST and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST + 1)
        yield raw
