"""Where the lines of a file belong, by their numbers: of a log that several threads wrote, or that was damaged."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["FAR", "LineIndex", "Place"]

FAR = 100
"""Threads that write one log get in each other's way by fewer lines than that, and crashes lose fewer. No checksum
covers a line's number: one that is farther from all others is taken to be wrong."""


class Place(NamedTuple):
    """A line, by its number in the file and the byte at which it starts, and what is to be known about it.

    `fault`: why it must not be taken. `like`: the line (start, number) that has the same sequence. `lost_from`: from
    there up to its own, numbers are absent that bad lines may have had, or that a longer copy may have; 0: none are.
    """

    start: int
    number: int
    fault: str | None = None
    like: tuple[int, int] | None = None
    lost_from: int = 0


class LineIndex:
    """Takes lines in the file's order, and gives them with those of each machine in the order of their numbers.

    They change places among themselves only. It takes some 100 bytes a line.
    """

    def __init__(self) -> None:
        self._starts, self._numbers, self._seqs = array("q"), array("q"), array("q")
        self._owners = array("l")
        self._bad = bytearray()
        self._machines: dict[str, int] = {}
        self._lines_of: list[array[int]] = []
        self._lost_before: list[int] = []
        self._lost = 0  # lines that do not even say whose number they had

    def add(self, number: int, start: int, by: str, seq: int, is_bad: bool) -> None:
        """A line of `by`; one without `by` keeps its place."""
        at = len(self._starts)
        self._starts.append(start)
        self._numbers.append(number)
        self._seqs.append(seq)
        self._bad.append(is_bad)
        self._lost += is_bad and not by
        self._owners.append(self._owner(by) if by else -1)
        if by:
            self._lines_of[self._owners[at]].append(at)

    def places(self) -> Iterator[Place]:
        ordered = [self._judged(owner) for owner in range(len(self._lines_of))]
        for at, owner in enumerate(self._owners):
            yield self._place(at) if owner < 0 else next(ordered[owner])

    def _owner(self, by: str) -> int:
        owner = self._machines.setdefault(by, len(self._machines))
        if owner == len(self._lines_of):
            self._lines_of.append(array("q"))
            self._lost_before.append(self._lost)
        return owner

    def _judged(self, owner: int) -> Iterator[Place]:
        order = sorted(self._lines_of[owner], key=self._seqs.__getitem__)
        faults = {place.number: place for place in self._faulty(order)}
        last = next((at for at in reversed(order) if self._numbers[at] not in faults), -1)
        before = 0  # the highest number so far
        for at in order:
            place, seq = self._place(at), self._seqs[at]
            if place.number in faults:
                yield faults[place.number]
                continue
            absent = seq - before - 1
            if not before:
                absent = min(absent, self._lost_before[owner])  # what went before may be in another file
            elif absent > FAR or not (self._lost or faults or at == last):
                absent = 0
            yield place._replace(lost_from=seq - absent) if absent else place
            before = seq

    def _faulty(self, order: list[int]) -> Iterator[Place]:
        before, taken = 0, -1  # the highest number so far, and the last line that has its number by right
        for at, after in zip(order, [*order[1:], -1], strict=True):
            seq = self._seqs[at]
            if not self._bad[at]:
                if taken >= 0 and seq == self._seqs[taken]:
                    like = self._place(taken)
                    fault = f"sequence: expected each number once, found {seq - 1} as in line {like.number}"
                    yield self._place(at)._replace(fault=fault, like=(like.start, like.number))
                    continue
                if before and seq - before > FAR and (after < 0 or self._seqs[after] - seq > FAR):
                    fault = f"sequence: expected about {before}, found {seq - 1}, and no line that goes on from there"
                    yield self._place(at)._replace(fault=fault)
                    continue
                taken = at
            before = seq

    def _place(self, at: int) -> Place:
        return Place(self._starts[at], self._numbers[at])
