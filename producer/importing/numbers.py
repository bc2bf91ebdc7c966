"""The numbers of a file's lines: which of them are wrong, and what each operation may claim as acknowledged.

An entry of the log claims every number up to its `acked`, because what the file skips was no operation of ours. But a
bad line has lost an operation, so the claim ends below its number: the number shows as missing until a mended copy of
the file adds it. Only where a line of another type follows the bad line, the claim covers both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

from producer.importing.line import BadLine, Importable, OtherType
from producer.importing.log_file import LogFile, NumberedLine

FAR = 100
"""A crash loses fewer lines. No checksum covers a line's number: far from both its neighbours', it must be wrong."""

SORT = "LC_ALL=C sort -s -t: -k2,2n FILE >SORTED"
"""Sorts a file of the Rust engine, whose lines begin with `{"sequence":`, and keeps every byte of each line."""

PASSED_OVER = "a mended copy would not add it, since what comes next is of another type"
RENAMED = "a mended copy would count as another file, since it begins with it"


def claimed_lines(
    file: LogFile, lost_from: dict[str, int], tell: Callable[[int, str], None]
) -> Iterator[tuple[NumberedLine, int]]:
    """Each line of `file`, with the number up to which its operation claims all. Reads `file` twice; raises OSError.

    A line whose number is wrong comes as a bad line. `lost_from` has, by machine, the lowest number lost since its
    last operation: the parts of a log share it. `tell` gets the numbers of bad lines that no mended copy can add.
    """
    faults, machines = _survey(file)
    unnumbered: list[int] = []  # bad lines that do not say their number, since the last line that does
    for line in file.lines():
        content = line.content
        if line.number in faults:
            content = BadLine(faults[line.number])
            line = line._replace(content=content)
        by, seq = content.by, content.seq
        acked = 0
        if not seq:
            if isinstance(content, BadLine) and not content.reason.endswith(SORT):
                unnumbered.append(line.number)
            yield line, 0
            continue
        machine = machines.get(by) or machines.setdefault(by, _Machine(seq))
        if seq > machine.passed + 1 and (machine.has_lost or line.number == machine.last_line):
            lost_from.setdefault(by, machine.passed + 1)
        is_late = seq < machine.passed
        machine.passed = max(machine.passed, seq)
        match content:
            case BadLine() if is_late:
                tell(line.number, PASSED_OVER)
            case BadLine():
                lost_from.setdefault(by, seq)
                machine.bad.append(line.number)
            case OtherType() if not is_late:
                lost_from.pop(by, None)
                machine.passed_over += machine.bad + unnumbered
                machine.bad, unnumbered = [], []
            case Importable():
                acked = min(lost_from.pop(by, seq), machine.next_disordered(seq)) - 1
                for number in machine.passed_over:
                    tell(number, PASSED_OVER)
                for number in unnumbered if by == file.name else ():
                    tell(number, RENAMED)
                machine.bad, machine.passed_over, unnumbered = [], [], []
        yield line, acked


def _survey(file: LogFile) -> tuple[dict[int, str], dict[str, _Machine]]:
    """The first reading of `file`: by line, why its number is wrong; by name, each machine that numbered lines."""
    faults: dict[int, str] = {}
    machines: dict[str, _Machine] = {}
    unnumbered = 0
    for line in file.lines():
        by, seq = line.content.by, line.content.seq
        if seq and by != file.name:
            machine = machines.get(by) or machines.setdefault(by, _Machine(seq, unnumbered))
            faults |= machine.judge(line)
        unnumbered += not seq and isinstance(line.content, BadLine)
    for machine in machines.values():
        faults |= machine.finish(unnumbered)
    return faults, machines


class _Machine:
    """A machine that numbered lines of a file, from `first` on, behind so many `unnumbered` bad lines."""

    def __init__(self, first: int, unnumbered: int = 0) -> None:
        self.has_lost = False  # operations whose number nobody knows: any that no line has may be theirs
        self.last_line = 0  # a longer copy may have the numbers that this line skips
        self.passed = max(first - 1 - unnumbered, 0)  # in the second reading, the highest number so far
        self.bad: list[int] = []
        self.passed_over: list[int] = []
        self._disordered: list[int] = []
        self._taken = 0
        self._highest = 0
        self._last: NumberedLine | None = None
        self._leap: NumberedLine | None = None

    def next_disordered(self, seq: int) -> int:
        """The lowest number that a line out of order has, between the last operation's and `seq`; else `seq`."""
        at = bisect_right(self._disordered, self._taken)
        self._taken = seq
        return min([seq, *self._disordered[at : at + 1]])

    def judge(self, line: NumberedLine) -> dict[int, str]:
        """What the next line of the machine shows to be wrong, in itself or before it: by line, the reason."""
        seq = line.content.seq
        faults = {}
        if self._leap is not None and abs(seq - self._leap.content.seq) > FAR:
            faults = self._refuted()
        elif self._leap is not None:
            self._accept(self._leap)
        self._leap = None
        if self._highest and seq > self._highest + FAR:
            self._leap = line
            return faults
        if reason := self._disorder(line):
            return faults | {line.number: reason}
        self._accept(line)
        return faults

    def finish(self, unnumbered: int) -> dict[int, str]:
        """The same at the end of the file, which has so many `unnumbered` bad lines."""
        faults = self._refuted()
        self.has_lost |= unnumbered > 0
        self._disordered.sort()
        return faults

    def _refuted(self) -> dict[int, str]:
        if self._leap is None:
            return {}
        self.has_lost = True
        expected, found = self._highest, self._leap.content.seq - 1
        reason = f"sequence: expected about {expected}, found {found}, and no line that goes on from there"
        return {self._leap.number: reason}

    def _accept(self, line: NumberedLine) -> None:
        if line.content.seq >= self._highest:
            self._highest, self.last_line = line.content.seq, line.number
        if not isinstance(line.content, OtherType):
            self._last = line

    def _disorder(self, line: NumberedLine) -> str:
        """Why an operation cannot come after the last one. (Lines of other types may come in any order.)"""
        last, content = self._last, line.content
        if (
            last is None
            or isinstance(content, OtherType)
            or content.seq > last.content.seq
            or content == last.content
        ):
            return ""
        before, found = last.content.seq - 1, content.seq - 1
        if found == before:
            self.has_lost = True
            return f"sequence: expected each number once, found {found} as in line {last.number}"
        self._disordered.append(content.seq)
        return (
            f"sequence: expected more than {before}, which line {last.number} has, found {found}; "
            f"sort the file by sequence and import it again: {SORT}"
        )
