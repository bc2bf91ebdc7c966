"""The numbers of a file's lines: which of them are wrong, and up to which number each operation claims all.

An operation's entry claims every number up to its `acked`, because numbers that the file skips, or gives to
other types, never come. If a claimed number comes after all, the fold takes it for a duplicate; a number that nobody
claims shows as missing. So the claim ends below the lowest number, above the machine's last operation, that may come:

- the number of a bad line, which a mended copy of the file adds;
- the number of a line out of order, which a sorted copy adds;
- a number that no line has, if a line lost its number; or in front of the file's last line, because a longer copy may
  have it.

A line of another type never comes. If it follows a bad line, the claim has to cover both, and no copy can add the bad
line.

Only the lines behind a line show that it is out of order, or that its number is wrong. So the file is read twice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from producer.importing.line import BadLine, Importable, OtherType
from producer.importing.log_file import LogFile, NumberedLine

FAR = 100
"""A crash loses fewer lines. No checksum covers a line's number: far from both its neighbours', it must be wrong."""

SORT = "LC_ALL=C sort -s -t: -k2,2n FILE >SORTED"
"""Sorts a file of the Rust engine, whose lines begin with `{"sequence":`, and keeps every byte of each line."""

PASSED_OVER = "a mended copy would not add it, since what comes next is of another type"
RENAMED = "a mended copy would count as another file, since it begins with it"


def claimed_lines(file: LogFile, lost_from: dict[str, int], unmendable: dict[int, str]) -> Iterator[NumberedLine]:
    """Each line of `file`, its operation with what it may claim (`acked`). Reads `file` twice; raises OSError.

    A line whose number is wrong, or out of order, comes as a bad line. `lost_from` has, by machine, the lowest number
    lost since its last operation: the parts of a log share it. `unmendable` gets, by line, why no mended copy can add
    a bad line.
    """
    machines = _judged(file)
    json_lines = machines.setdefault(file.name, _Machine(0))  # whose numbers, those of their lines, are never wrong
    unnumbered: list[int] = []  # the lines that lost their number, since the last operation or line of another type
    for line in file.lines():
        machine = machines.get(line.content.by, json_lines)
        content = machine.faults.get(line.number, line.content)
        by, seq = content.by, content.seq
        passed, machine.passed = machine.passed, max(machine.passed, seq)
        if seq > passed + 1 and (machine.gaps_are_losses or line.number == machine.last_line):
            lost_from.setdefault(by, passed + 1)
        match content:
            case BadLine(seq=0):
                unnumbered.append(line.number)
            case BadLine() if seq > machine.appended:  # else its number is open: no claim covered it
                machine.bad[line.number] = seq
                if by == file.name and not passed:
                    unmendable[line.number] = RENAMED
                if seq >= passed or line.number in machine.faults:  # else a line of another type has passed it over
                    lost_from[by] = min(seq, lost_from.get(by, seq))
            case OtherType() if seq and seq >= passed:
                lost_from.pop(by, None)
                machine.bad |= dict.fromkeys(unnumbered, 0)  # the next claim covers them, whatever their numbers are
                unnumbered = []
            case Importable():
                acked = min(seq, lost_from.pop(by, seq), *machine.next_out_of_order()) - 1
                content = content._replace(acked=acked)
                unmendable |= {number: PASSED_OVER for number, lost in machine.bad.items() if lost <= acked}
                if by == file.name:
                    unmendable |= dict.fromkeys(unnumbered, RENAMED)
                machine.appended, machine.bad, unnumbered = seq, {}, []
        yield line._replace(content=content)


def _judged(file: LogFile) -> dict[str, _Machine]:
    """The first reading of `file`: each machine that numbered lines of it, by name."""
    machines: dict[str, _Machine] = {}
    unnumbered = 0
    for line in file.lines():
        by, seq = line.content.by, line.content.seq
        if not seq:
            unnumbered += isinstance(line.content, BadLine)
        elif by != file.name:
            # The bad lines in front of a machine's first may have the numbers in front of that.
            machine = machines.get(by) or machines.setdefault(by, _Machine(max(seq - 1 - unnumbered, 0)))
            machine.judge_previous(line)
    for machine in machines.values():
        machine.judge_previous(None)
        machine.gaps_are_losses |= unnumbered > 0
        machine.out_of_order.sort()
    return machines


class _Machine:
    """A machine that numbered lines of a file: what the first reading finds out, and how far the second has come."""

    def __init__(self, passed: int) -> None:
        # The first reading finds out:
        self.faults: dict[int, BadLine] = {}  # by line, what stands in its place; without a number if that is wrong
        self.out_of_order: list[int] = []  # the numbers of lines out of order
        self.gaps_are_losses = False  # whether a line lost its number: that may be any that no line has
        self.last_line = 0  # the line with the highest number
        self._highest = 0
        self._undecided: NumberedLine | None = None
        self._before: NumberedLine | None = None  # the last line in order that is not of another type
        # The second reading has come to:
        self.passed = passed  # the highest number so far
        self.appended = 0  # the number of the last operation
        self.bad: dict[int, int] = {}  # by line, the numbers of the bad ones since then; 0 for those that lost theirs

    def judge_previous(self, following: NumberedLine | None) -> None:
        """Judge the number of the machine's last line by those before it and of the `following`; None at the end."""
        line, self._undecided = self._undecided, following
        if line is None:
            return
        by, seq, before = line.content.by, line.content.seq, self._before
        is_far = self._highest and seq > self._highest + FAR
        if is_far and (following is None or abs(following.content.seq - seq) > FAR):
            self.gaps_are_losses = True
            self.faults[line.number] = BadLine(
                f"sequence: expected about {self._highest}, found {seq - 1}, and no line that goes on from there"
            )
        elif (  # lines of other types may come in any order, and a line may come twice
            before is None
            or isinstance(line.content, OtherType)
            or seq > before.content.seq
            or line.content == before.content
        ):
            if seq >= self._highest:
                self._highest, self.last_line = seq, line.number
            if not isinstance(line.content, OtherType):
                self._before = line
        elif seq == before.content.seq:
            self.gaps_are_losses = True
            self.faults[line.number] = BadLine(
                f"sequence: expected each number once, found {seq - 1} as in line {before.number}"
            )
        else:
            self.out_of_order.append(seq)
            self.faults[line.number] = BadLine(
                f"sequence: expected more than {before.content.seq - 1}, which line {before.number} has, "
                f"found {seq - 1}; sort the file by sequence and import it again: {SORT}",
                by,
                seq,
            )

    def next_out_of_order(self) -> list[int]:
        """The lowest number of a line out of order above the last operation's, if there is such a line."""
        at = bisect_right(self.out_of_order, self.appended)
        return self.out_of_order[at : at + 1]
