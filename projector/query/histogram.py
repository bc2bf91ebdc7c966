"""Durations counted by buckets, from which percentiles are read, and which add up over actions and namespaces."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from projector.errors import damaged
from projector.query.arguments import checked_percent


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many durations there are by the inclusive upper bound of their bucket, in ms."""

    buckets: Mapping[int, int] = field(default_factory=dict)

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
        for histogram in histograms:
            counts.update(histogram.buckets)
        return cls(counts)

    def percentile(self, percent: int) -> int | None:
        """The least bound that `percent` (1 to 100) of the durations do not exceed, by nearest rank; None of none.

        It is the bound of the bucket that the exact one is in: too high by less than the bucket is wide, which is 3 %
        in an action's histograms, and 12.5 % in those of rollups.
        """
        return self.percentiles(percent)[0]

    def percentiles(self, *percents: int) -> list[int | None]:
        """Each as `percentile` has it."""
        bounds = sorted(self.buckets)
        up_to = list(accumulate(map(self.buckets.__getitem__, bounds)))  # how many each bound is not exceeded by
        if not bounds:
            return [None for percent in percents if checked_percent(percent)]
        return [bounds[bisect_left(up_to, -(-up_to[-1] * checked_percent(percent) // 100))] for percent in percents]
