"""How long runs took: a histogram over a logarithmic axis, with percentiles marked."""

from collections import Counter
from collections.abc import Mapping
from itertools import count
from math import ceil, log2

from markupsafe import Markup

from producer.text.wording import counted, visible
from projector.answers.wording.amounts import duration
from projector.web.drawing.stacked import Stack, stacked


def durations(buckets: Mapping[int, int], *, percentiles: Mapping[str, int | None], label: str) -> Markup:
    """`buckets` has how many took at most so many ms, and more than the bound before; `percentiles` in ms by name."""
    low, high = (log2(bound + 1) for bound in (min(buckets, default=0), max(buckets, default=0)))
    # A bar is half a power of two, or a whole one where half has no millisecond, or more: at most 40 are drawn.
    width = next(halves / 2 for halves in count(1 if low > 2 else 2) if high - low < 39 * halves / 2)
    first, last = ceil(low / width), ceil(high / width)
    runs: Counter[int] = Counter()
    for bound, some in buckets.items():
        runs[ceil(log2(bound + 1) / width)] += some
    stacks, marks = [], {}
    for at in range(first, last + 1):
        longest = duration(int(2 ** (at * width)) - 1)
        stacks.append(Stack(f"up to {longest}: {counted(runs[at], 'run')}", f"≤ {longest}", (runs[at],)))
    for name, value in percentiles.items():
        if value is not None:
            share = (log2(value + 1) / width - first + 1) / len(stacks)
            marks[f"{visible(name)} {duration(value)}"] = min(1.0, max(0.0, share))
    return stacked(stacks, label, marks=marks)
