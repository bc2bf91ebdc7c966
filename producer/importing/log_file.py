"""The lines of a file, whatever is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from producer.importing.line import BadLine, Content, Importable, read_line
from producer.importing.line_index import LineIndex

__all__ = ["LogFile", "NumberedLine"]

_LONGEST = 8 << 20
"""The largest operation, every byte of it escaped in six, still fits."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NumberedLine(NamedTuple):
    """The line with that number, from 1; `start` and `end` are where it and the next one begin, in bytes.

    `lost_from`: from there up to its own number, numbers are absent that bad lines may have had; 0 where none are.
    """

    number: int
    start: int
    end: int
    content: Content
    lost_from: int = 0


class LogFile:
    """A log from elsewhere. Operations that have no number of their own get the one of their line.

    Those need a name, too, that stays the same when the file is copied and grows, and is no other file's: it is made
    of the first of them, which has its time in milliseconds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.name = ""
        self._first = 0

    def lines(self) -> Iterator[NumberedLine]:
        """Every line but the empty ones, those of each machine in the order of their sequence. Raises OSError."""
        next_of: dict[str, int] = {}
        for line in self._read():
            by, seq = _number_of(line.content)
            if seq and by != self.name:
                if seq != next_of.get(by, 1):
                    yield from self._ordered(line.start)
                    return
                next_of[by] = seq + 1
            yield line

    def place(self) -> tuple[str, int]:
        """Where the file stands among others: whose first operation it has, and which. Raises OSError."""
        for line in self.lines():
            if isinstance(line.content, Importable):
                return line.content.by, line.content.seq
        return "", 0

    def _ordered(self, start: int) -> Iterator[NumberedLine]:
        """The lines that come from byte `start` on, as `lines` has them; to know their order all have to be read."""
        index = LineIndex()
        for line in self._read():
            by, seq = _number_of(line.content)
            index.add(line.number, line.start, by if by != self.name else "", seq, isinstance(line.content, BadLine))
        with self.path.open("rb") as file:
            for place in index.places():
                if place.start < start:
                    continue
                line = next(self._read_from(file, place.start, place.number))
                fault = place.fault
                if place.like is not None and next(self._read_from(file, *place.like)).content == line.content:
                    fault = None  # the same line once more, a duplicate like any other
                content = line.content if fault is None else BadLine(fault)
                yield line._replace(content=content, lost_from=place.lost_from)

    def _read(self) -> Iterator[NumberedLine]:
        with self.path.open("rb") as file:
            yield from self._read_from(file, 0, 1)

    def _read_from(self, file: BinaryIO, start: int, first: int) -> Iterator[NumberedLine]:
        """From byte `start` on, where line number `first` begins."""
        file.seek(start)
        for number, raw in enumerate(_raw_lines(file), start=first):
            line = (raw.removeprefix(_BYTE_ORDER_MARK) if not start else raw).strip(b" \t\r\n")
            end = file.tell()
            if line:
                yield NumberedLine(number, start, end, self._content(raw, line, number))
            start = end

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
        """A line that has no number of its own: in JSON Lines, it is its place that counts."""
        return BadLine(reason, self.name, number) if self._is_named(number) else BadLine(reason)

    def _is_named(self, number: int) -> bool:
        return bool(self.name) and number >= self._first


def _number_of(content: Content) -> tuple[str, int]:
    return content.by, content.seq


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    """Each line; of one that is too long the beginning, longer than any may be."""
    while raw := file.readline(_LONGEST + 1):
        rest = raw
        while len(rest) > _LONGEST and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST + 1)
        yield raw
