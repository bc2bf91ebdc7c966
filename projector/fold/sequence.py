"""The numbers of one producer: which of them are new, which came before, which are missing."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Literal

import msgspec

Verdict = Literal["new", "duplicate", "undecidable"]


class Sequence(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, rename={"highest": "seq"}):
    """The numbers of one producer, as `{ns}:producers` holds them in JSON, where `highest` is named `seq`.

    `highest` is the highest number seen (0: none), `gaps` the ranges below it that have not come, ascending, each
    [first, last]. The number of ranges is bounded: the lowest are closed for good, and `closed` is the highest number
    in a closed range. A number up to `closed` that is in no open gap cannot be told from a duplicate. `entry_id` is
    the producer's latest entry. `accepted` is the number up to which somebody accepted that numbers are missing; the
    JSON leaves it out if nobody did.
    """

    highest: int
    gaps: list[Annotated[list[int], msgspec.Meta(min_length=2, max_length=2)]]
    closed: int
    entry_id: str
    accepted: int = 0

    @classmethod
    def new(cls) -> Sequence:
        """Of a producer that has not been heard of."""
        return cls(0, [], 0, "")

    @classmethod
    def of_json(cls, raw: bytes) -> Sequence:
        """From its JSON; raises ValueError for JSON of another form."""
        return msgspec.json.decode(raw, type=cls)

    def judge(self, seq: int, acked: int, max_gaps: int) -> tuple[Verdict, int]:
        """(the verdict on `seq`, the change in the count of missing numbers)."""
        if seq == self.highest + 1:  # nearly always
            self.highest = seq
            return "new", 0
        if seq > self.highest:
            first = max(self.highest, acked) + 1
            self.highest = seq
            if first == seq:
                return "new", 0
            if first < seq:
                self._open(first, seq - 1, max_gaps)
            return "new", max(0, seq - first)
        at = bisect_right(self.gaps, seq, key=_first) - 1
        if at >= 0 and seq <= self.gaps[at][1]:
            self._fill(at, seq, max_gaps)
            return "new", -1
        return ("undecidable" if seq <= self.closed else "duplicate"), 0

    def accept(self, seq: int) -> None:
        """Accept what is missing up to `seq`; numbers that were never seen nor skipped cannot be accepted."""
        self.accepted = max(self.accepted, min(seq, self.highest))

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


def _first(span: list[int]) -> int:
    return span[0]
