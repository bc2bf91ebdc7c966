"""How long runs took: a histogram over a logarithmic axis, with percentiles marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, log2

from markupsafe import Markup

from producer.text.wording import counted
from projector.answers.wording.amounts import duration
from projector.web.drawing.plot import WIDTH, Plot
from projector.web.drawing.scale import briefly
from projector.web.drawing.svg import element, image, line, text

_MOST_BARS = 40
_FINEST = 0.125
"""The least width of a bar, in powers of two."""
_SPARSE = 10.0
"""Below 2 to this power some bars have no whole millisecond to stand for."""
_ROW = 14
_LABELS = 6
_NAMED = 160
"""Right of here a mark has its words on its left."""
_DAY = 86_400_000
_ROUND = (0, 1, 10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000, *(_DAY * 10**n for n in range(6)))


def durations(buckets: Mapping[int, int], *, percentiles: Mapping[str, int | None], label: str) -> Markup:
    """`buckets` has how many took at most so many ms, and more than the bound before; `percentiles` in ms by name."""
    marks = {name: value for name, value in percentiles.items() if value is not None} if buckets else {}
    axis = _Axis.of(buckets)
    counts: Counter[int] = Counter()
    for bound, count in buckets.items():
        counts[axis.bar(bound)] += count
    plot = Plot(max(counts.values(), default=0), above=12 + _ROW * len(marks))
    return image(WIDTH, plot.height, label, _drawn(plot, axis, counts, marks))


@dataclass(frozen=True, slots=True)
class _Axis:
    """Bars from `first` to `last`, each `width` powers of two wide. A duration lies at the logarithm of one ms more
    than it is: 0 has a place then, and bars end where the buckets of the projection do."""

    first: int
    last: int
    width: float

    @classmethod
    def of(cls, buckets: Mapping[int, int]) -> _Axis:
        bounds = [bound for bound, count in buckets.items() if count > 0] or [0]
        width = _FINEST
        while True:
            ends = [ceil(_power(bound) / width) for bound in (min(bounds), max(bounds))]
            if ends[1] - ends[0] < _MOST_BARS:
                return cls(ends[0], ends[1], width)
            width *= 2

    def bar(self, bound: int) -> int:
        return min(self.last, max(self.first, ceil(_power(bound) / self.width)))

    def share(self, place: float) -> float:
        """Where the right edge of bar `place` lies, as a share of the width."""
        return min(1.0, max(0.0, (place - self.first + 1) / (self.last - self.first + 1)))

    def before(self, bar: int) -> int:
        """The bar before `bar` that a whole millisecond lies in."""
        power = (bar - 1) * self.width
        return ceil(log2(int(2**power)) / self.width) if 0 <= power < _SPARSE else bar - 1

    def span(self, bar: int) -> str:
        """The longest duration in the bar."""
        return duration(int(2 ** (bar * self.width)) - 1 if bar * self.width < 1000 else 0)


def _power(milliseconds: int) -> float:
    return log2(max(0, milliseconds) + 1)


def _drawn(plot: Plot, axis: _Axis, counts: Mapping[int, int], marks: Mapping[str, int]) -> Iterator[Markup]:
    yield from plot.grid()
    if not plot.most:
        yield plot.nothing()
        return
    for bar, count in sorted(counts.items()):
        left, right = axis.share(axis.before(bar)), axis.share(bar)
        gap = (right - left) * 0.05
        drawn = plot.stack(left + gap, right - gap, [("bar", count)])
        yield element("g", element("title", f"up to {axis.span(bar)}: {counted(count, 'run')}"), *drawn)
    shown = [value for value in _ROUND if axis.first - 1 <= _power(value) / axis.width <= axis.last]
    for value in shown[:: -(-len(shown) // _LABELS) or 1]:
        yield plot.below(briefly(value), axis.share(_power(value) / axis.width))
    # The longest stands on top: then no line goes through the words of another.
    for row, (name, value) in enumerate(sorted(marks.items(), key=lambda mark: mark[1], reverse=True)):
        x = plot.x(axis.share(_power(value) / axis.width))
        y = 12.0 + row * _ROW
        yield line("line marker", x, y, x, float(plot.bottom))
        anchor, beside = ("end", -4) if x > _NAMED else ("start", 4)
        yield text(f"{name} {duration(value)}", x + beside, y, anchor, kind="label marker")
