"""What never arrived, and what of it nobody has accepted: reckoned here for the doctor, the page and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from projector.checkpoint import Checkpoint
from projector.keys import Keys
from projector.query.parsing import Range, numbers_of, size_of
from projector.query.questions.question import AtOneInstant, Inquiry, Question, each


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The operations of a namespace that never arrived: how many in `all`.

    `gaps` are the numbers that nobody has accepted, by producer in order of name. Of `closed` operations the numbers
    are no longer kept; if they are `acceptable`, somebody can accept some of them, and has not. Those of an `evicted`
    producer nobody can accept.
    """

    all: int
    gaps: dict[str, list[Range]]
    closed: int
    acceptable: bool
    evicted: bool

    @classmethod
    def of_replies(cls, keys: Keys, rows: Mapping[bytes, bytes], stands: Mapping[bytes, bytes]) -> Missing:
        """From the producers and the checkpoint at one instant; raises Damaged."""
        checkpoint = Checkpoint.of_hash(stands, keys.checkpoint) or Checkpoint()
        producers = numbers_of(rows, keys.producers)
        return cls(
            all=checkpoint.missing,
            gaps={by: ranges for by, row in producers.items() if (ranges := row.unaccepted)},
            closed=checkpoint.missing - sum(size_of(row.gaps) for row in producers.values()),
            acceptable=any(row.closed > row.accepted for row in producers.values()),
            evicted=checkpoint.producers_evicted > 0,
        )

    @property
    def unaccepted(self) -> int:
        """How many somebody can accept, and has not."""
        return sum(map(size_of, self.gaps.values())) + (self.closed if self.acceptable else 0)


def missing(keys: Keys) -> Question[Missing]:
    rows, stands = yield AtOneInstant(("HGETALL", keys.producers), ("HGETALL", keys.checkpoint))
    return Missing.of_replies(keys, rows, stands)


def unaccepted() -> Inquiry[int]:
    """Of all namespaces together."""
    return sum(found.unaccepted for found in (yield from each(missing)).values())
