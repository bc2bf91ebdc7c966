"""Durations counted by buckets, from which percentiles are read, and which add up over actions and namespaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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
        left = self.count * checked_percent(percent)
        for bound, count in sorted(self.buckets.items()):
            left -= count * 100
            if left <= 0:
                return bound
        return None
