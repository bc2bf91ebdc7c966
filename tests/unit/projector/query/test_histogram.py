"""Percentiles and sums of histograms against exact ones."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from itertools import chain

import pytest

from projector.fold.histogram import bucket_of
from projector.query.histogram import Histogram

DRAWS: dict[str, Callable[[random.Random], int]] = {
    "uniform": lambda dice: dice.randrange(100_000),
    "log-normal": lambda dice: int(dice.lognormvariate(6, 2)),
    "bimodal": lambda dice: int(dice.choice([dice.gauss(200, 20), dice.gauss(60_000, 5000)])),
    "constant": lambda _: 1234,
}


def histogram(durations: list[int]) -> Histogram:
    return Histogram(Counter(map(bucket_of, durations)))


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("percent", [1, 50, 90, 95, 99, 100])
def test_a_percentile_is_within_a_64th_of_the_exact_one(kind: str, percent: int) -> None:
    dice = random.Random(kind)
    durations = [max(0, DRAWS[kind](dice)) for _ in range(3000)]
    exact = sorted(durations)[math.ceil(len(durations) * percent / 100) - 1]
    found = histogram(durations).percentile(percent)
    assert found is not None
    assert bucket_of(found) == bucket_of(exact)
    assert abs(found - exact) <= exact / 64


@pytest.mark.parametrize("kind", DRAWS)
def test_merged_histograms_are_the_histogram_of_the_merged(kind: str) -> None:
    dice = random.Random(kind)
    parts = [[max(0, DRAWS[kind](dice)) for _ in range(size)] for size in (0, 1, 700, 31)]
    whole, merged = histogram([*chain(*parts)]), Histogram.merged(map(histogram, parts))
    assert merged.count == whole.count == 732
    assert [merged.percentile(percent) for percent in range(1, 101)] == [
        whole.percentile(percent) for percent in range(1, 101)
    ]
