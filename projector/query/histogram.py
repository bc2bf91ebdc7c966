"""Durations counted by buckets, from which percentiles are read, and which add up over actions and namespaces."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from projector.errors import damaged
from projector.query.arguments import checked_percent

_FINE = 32


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many durations there are by the inclusive upper bound of their bucket, in ms.

    There are `steps` buckets to a power of two: 32 in an action's histogram, 8 in those of rollups.
    """

    buckets: Mapping[int, int] = field(default_factory=dict)
    steps: int = _FINE

    @property
    def count(self) -> int:
        return sum(self.buckets.values())

    @classmethod
    def of_hash(cls, found: Mapping[bytes, bytes], key: bytes) -> Histogram:
        """From HGETALL's reply about `key`; raises Damaged, which names it, for what is no histogram."""
        try:
            return cls({int(bound): int(count) for bound, count in found.items()})
        except ValueError as error:
            raise damaged(key, "no histogram") from error

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """The histogram of all durations of `histograms`, whose buckets have to be of one kind."""
        counts: Counter[int] = Counter()
        steps = _FINE
        for histogram in histograms:
            counts.update(histogram.buckets)
            steps = histogram.steps
        return cls(counts, steps)

    def percentile(self, percent: int) -> int | None:
        """The duration that `percent` (1 to 100) of all do not exceed, by nearest rank; None of none.

        It is the middle of the bucket that the exact one is in, and so within 1.6 % of it in an action's histogram,
        and within 6.3 % in those of rollups.
        """
        return self.percentiles(percent)[0]

    def percentiles(self, *percents: int) -> list[int | None]:
        """Each as `percentile` has it."""
        bounds = sorted(self.buckets)
        up_to = list(accumulate(map(self.buckets.__getitem__, bounds)))  # how many each bound is not exceeded by
        if not bounds:
            return [None for percent in percents if checked_percent(percent)]
        ranks = [-(-up_to[-1] * checked_percent(percent) // 100) for percent in percents]
        return [self._middle(bounds[bisect_left(up_to, rank)]) for rank in ranks]

    def _middle(self, bound: int) -> int:
        """Of the bucket up to `bound`."""
        return bound - max(1, (1 << bound.bit_length() >> 1) // self.steps) // 2
