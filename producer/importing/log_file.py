"""The lines of a file, whatever is in it."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, NamedTuple

from producer.errors import InvalidOperation
from producer.importing.line import BadLine, Content, Importable, read_line
from producer.importing.plain_copy import STDIN, plain_copy
from producer.operations import decode
from producer.text.moment import refuse_odd

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

    def __init__(self, path: Path, *, allow_odd_times: bool = False, clock: Callable[[], float] = time.time) -> None:
        self.title = "stdin" if path == STDIN else str(path)
        self._path = path
        self._copy = plain_copy(path)
        self._allow_odd_times = allow_odd_times
        self._clock = clock
        self.size = path.stat().st_size if self._copy is None else os.fstat(self._copy.fileno()).st_size
        self.name = ""
        self._first = 0

    def lines(self) -> Iterator[NumberedLine]:
        """Every line but the empty ones. Raises OSError."""
        with nullcontext(self._copy) if self._copy else self._path.open("rb") as file:
            file.seek(0)
            for number, raw in enumerate(_raw_lines(file, self.size), start=1):
                line = (raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw).strip(b" \t\r\n")
                if line:
                    yield NumberedLine(number, file.tell(), self._judged(self._content(raw, line, number)))

    def close(self) -> None:
        """Let go of the copy, if there is one."""
        if self._copy is not None:
            self._copy.close()

    def place(self) -> tuple[str, int]:
        """(by, number) of the first operation, by which the parts of a log are sorted. Raises OSError."""
        for line in self.lines():
            if isinstance(line.content, Importable):
                return line.content.by, line.content.seq
        return "", 0

    def _judged(self, content: Content) -> Content:
        """A line of an odd time is bad. It names the file all the same, so that a later import may allow the time."""
        if isinstance(content, Importable) and not self._allow_odd_times:
            try:
                refuse_odd(*decode(content.op).moment, int(self._clock() * 1000))
            except InvalidOperation as error:
                return BadLine(str(error), content.by, content.seq)
        return content

    def _content(self, raw: bytes, line: bytes, number: int) -> Content:
        name = self.name or f"import:{hashlib.sha256(line).hexdigest()[:32]}"
        content: Content
        if len(raw) > _LONGEST:
            content = BadLine(f"expected at most {_LONGEST} bytes in a line, found more")
        else:
            content = read_line(line, by=name, seq=number)
            if isinstance(content, BadLine) and not content.seq and not raw.endswith(b"\n"):
                content = BadLine("torn: the file ends within it")
        if content.seq and content.by != name:
            return content  # the Rust engine has numbered it
        if isinstance(content, Importable) and not self.name:
            self.name, self._first = name, number
        is_named = self.name and number >= self._first
        return content._replace(by=self.name, seq=number) if is_named else content._replace(by="", seq=0)


def _raw_lines(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Each line that begins before byte `size`; of a line that is too long, one byte more than is allowed."""
    while file.tell() < size and (raw := file.readline(_LONGEST + 1)):
        rest = raw
        while len(rest) > _LONGEST and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST + 1)
        yield raw
