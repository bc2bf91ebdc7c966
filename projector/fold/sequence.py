"""The numbers of one producer: which of them are new, which came before, which are missing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from enum import Enum
from typing import Annotated

import msgspec


class Verdict(Enum):
    NEW = "new"
    DUPLICATE = "duplicate"
    UNDECIDABLE = "undecidable"


# Names of their own, because Python 3.11 takes a tenth of a microsecond to look up a member of an Enum.
NEW, DUPLICATE, UNDECIDABLE = Verdict
_NEXT = (NEW, 0)


class Sequence:
    """The numbers of one producer.

    `highest` is the highest number seen (0: none), `gaps` the ranges below it that have not come, ascending, each
    [first, last]. The number of ranges is bounded: the lowest are closed for good, and `closed` is the highest number
    in a closed range. A number up to `closed` that is in no open gap cannot be told from a duplicate.
    """

    __slots__ = ("closed", "entry_id", "gaps", "highest")

    def __init__(self) -> None:
        self.highest = 0
        self.gaps: list[list[int]] = []
        self.closed = 0
        self.entry_id = ""

    def judge(self, seq: int, acked: int, max_gaps: int) -> tuple[Verdict, int]:
        """(the verdict on `seq`, the change in the count of missing numbers)."""
        if seq == self.highest + 1:  # nearly always
            self.highest = seq
            return _NEXT
        if seq > self.highest:
            first = max(self.highest, acked) + 1
            self.highest = seq
            if first == seq:
                return NEW, 0
            if first < seq:
                self._open(first, seq - 1, max_gaps)
            return NEW, max(0, seq - first)
        at = bisect_right(self.gaps, seq, key=_first) - 1
        if at >= 0 and seq <= self.gaps[at][1]:
            self._fill(at, seq, max_gaps)
            return NEW, -1
        return (UNDECIDABLE if seq <= self.closed else DUPLICATE), 0

    def _open(self, first: int, last: int, max_gaps: int) -> None:
        self.gaps.append([first, last])
        self._bound(max_gaps)

    def _fill(self, at: int, seq: int, max_gaps: int) -> None:
        first, last = self.gaps[at]
        self.gaps[at : at + 1] = [span for span in ([first, seq - 1], [seq + 1, last]) if span[0] <= span[1]]
        self._bound(max_gaps)

    def _bound(self, max_gaps: int) -> None:
        while len(self.gaps) > max_gaps:
            self.closed = self.gaps.pop(0)[1]

    def to_json(self) -> bytes:
        return msgspec.json.encode(_Written(self.highest, self.gaps, self.closed, self.entry_id))

    @classmethod
    def of_json(cls, raw: bytes) -> Sequence:
        """From its JSON; raises ValueError for JSON of another form."""
        written = msgspec.json.decode(raw, type=_Written)
        self = cls()
        self.highest, self.gaps = written.seq, [list(span) for span in written.gaps]
        self.closed, self.entry_id = written.closed, written.entry_id
        return self


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sequence as `{ns}:producers` holds it."""

    seq: int
    gaps: Collection[Annotated[Collection[int], msgspec.Meta(min_length=2, max_length=2)]]
    closed: int
    entry_id: str


def _first(span: list[int]) -> int:
    return span[0]
